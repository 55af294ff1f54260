"""The local book of one account: event-sourced, versioned, bitemporal.

Versions follow the order of recording and are never rewritten; a movement also has its own time. A change is proposed
first, committed to disk by the ledger writer, and only then applied, so that memory never knows more than the store (I3, I8).
"""

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.changes import Change, OrderClosed, OrderOpened, Record, Statement
from reconcile_actors.domain.movements import Effects, Movement, MovementType, merge, same_content, same_key
from reconcile_actors.domain.orders import Order, Orders
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.domain.window import BookWindow, Entry


@dataclass(frozen=True, slots=True)
class Recording:
    """A change that may be committed as the next version, with the state that it leads to."""

    version: int
    movement: Movement
    change: Change
    recorded_at: int
    order: tuple[str, Order] | None = None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The book has it already; it counts once."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The book cannot take it: `reason` is a constant word; `conflict` asks that the account become unknown until settled."""

    reason: str
    conflict: bool = False


@dataclass(slots=True)
class Told:
    """The last statement of one kind of a wallet: the trading process's version, what it says and how far it reaches."""

    version: int | None
    as_of: int
    digest: str
    includes_through: int | None = None
    recorded_at: int = 0


@dataclass(slots=True)
class Book:
    """One account's book. `wallets` are the configured ones, the first is the default."""

    exchange: str
    wallets: tuple[str, ...]
    history_us: int = 120_000_000
    history_entries: int = 20_000
    remembered_ids: int = 20_000
    version: int = 0
    legs: dict[Leg, Decimal] = field(default_factory=dict)
    told: dict[tuple[str, str], Told] = field(default_factory=dict)
    orders: Orders = field(default_factory=Orders)
    gap: bool = False
    conflict: bool = False
    first_message_us: int | None = None
    watermark_at: int | None = None
    ids_complete: bool = True
    operations: dict[Leg, int] = field(default_factory=dict)
    _ids: OrderedDict[str, tuple[Movement, ...]] = field(default_factory=OrderedDict)
    _entries: deque[Entry] = field(default_factory=deque)
    _complete_from_us: int | None = None

    # -- proposing ---------------------------------------------------------------------------------------------------

    def propose(self, change: Change, recorded_at: int) -> Recording | Duplicate | Refusal:
        """What recording the change now would do; changes nothing. `recorded_at` is UTC us."""
        match change:
            case Record():
                return self._propose_movement(change, recorded_at)
            case OrderOpened():
                return self._propose_open(change, recorded_at)
            case OrderClosed():
                return self._propose_close(change, recorded_at)
            case Statement():
                return self._propose_statement(change, recorded_at)

    def _propose_movement(self, change: Record, recorded_at: int) -> Recording | Duplicate | Refusal:
        movement = change.movement
        if movement.wallet not in self.wallets:
            return Refusal("unknown_wallet")
        for known in self._ids.get(movement.id or "", ()):
            if same_key(known, movement):
                # one that a statement included already was stored without effects of its own
                same = same_content(known.effects, movement.effects) or same_content(known.effects, {})
                return Duplicate() if same else Refusal("conflict", conflict=True)
        order = self._order_after(change)
        effects: Effects = movement.effects
        if order is not None:
            effects = merge(effects, self._lock_change(*order))
        return self._recording(replace(movement, effects=effects), change, recorded_at, order)

    def _order_after(self, change: Change) -> tuple[str, Order] | None:
        """The order that a change touches, as it is afterwards."""
        match change:
            case Record(movement=Movement(order_id=str() as order_id, wallet=wallet), quantity=Decimal() as quantity):
                return order_id, self.orders.filled(order_id, wallet, quantity)
            case OrderOpened():
                opened = replace(
                    self.orders.get(change.order_id) or Order(change.wallet),
                    currency=change.currency,
                    quantity=change.quantity,
                    lock_per_unit=change.lock_per_unit,
                    is_buy=change.is_buy,
                )
                return change.order_id, opened
            case OrderClosed():
                return change.order_id, replace(self.orders.get(change.order_id) or Order(change.wallet), closed=True)
            case _:
                return None

    def _propose_open(self, change: OrderOpened, recorded_at: int) -> Recording | Duplicate | Refusal:
        if change.wallet not in self.wallets:
            return Refusal("unknown_wallet")
        known = self.orders.get(change.order_id)
        if known is not None and known.quantity is not None:
            return Duplicate()
        return self._order_recording(change, "open", recorded_at)

    def _propose_close(self, change: OrderClosed, recorded_at: int) -> Recording | Duplicate | Refusal:
        if change.wallet not in self.wallets:
            return Refusal("unknown_wallet")
        known = self.orders.get(change.order_id)
        if known is not None and known.closed:
            return Duplicate()
        return self._order_recording(change, "close", recorded_at)

    def _order_recording(self, change: OrderOpened | OrderClosed, side: str, recorded_at: int) -> Recording:
        order = self._order_after(change)
        assert order is not None, "both changes touch their order"
        movement = Movement(
            exchange=self.exchange,
            wallet=change.wallet,
            type=MovementType.ORDER,
            id=None,
            effects=self._lock_change(*order),
            order_id=change.order_id,
            side=side,
            occurred_at=change.occurred_at,
        )
        return self._recording(movement, change, recorded_at, order)

    def _lock_change(self, order_id: str, after: Order) -> dict[Leg, Decimal]:
        before = self.orders.get(order_id)
        if after.currency is None:
            return {}
        leg = Leg(after.wallet, after.currency, Field.LOCKED)
        if leg not in self.legs:
            return {}  # unknown plus a known lock is still unknown (I1)
        change = money.subtract(after.locks, before.locks if before else money.ZERO)
        return {leg: change} if change else {}

    def _propose_statement(self, change: Statement, recorded_at: int) -> Recording | Duplicate | Refusal:
        if change.wallet not in self.wallets:
            return Refusal("unknown_wallet")
        key = (change.wallet, "positions" if change.positions is not None else "balances")
        last = self.told.get(key)
        if last is not None and last.version is not None and change.version is not None:
            if change.version < last.version:
                return Refusal("older_version")
            if change.version == last.version:
                return Duplicate() if last.digest == _digest(change) else Refusal("version_reused")
        movement = Movement(
            exchange=self.exchange,
            wallet=change.wallet,
            type=MovementType.STATEMENT,
            id=None,
            effects=self._restatement(change),
            side=key[1],
            occurred_at=None,
        )
        return self._recording(movement, change, recorded_at, None)

    def _restatement(self, change: Statement) -> dict[Leg, Decimal]:
        """From what the book holds to what is stated, leg by leg; movements that the statement does not include stay on top."""
        kept = self._not_included(change)
        target: dict[Leg, Decimal] = {}
        if change.positions is not None:
            fields = {Field.POSITION}
            target = {
                Leg(change.wallet, symbol, Field.POSITION): quantity for symbol, quantity in change.positions.items()
            }
        else:
            fields = {Field.TOTAL, Field.BORROWED}
            for currency, stated in (change.balances or {}).items():
                target[Leg(change.wallet, currency, Field.TOTAL)] = stated.total
                if stated.borrowed is not None:
                    target[Leg(change.wallet, currency, Field.BORROWED)] = stated.borrowed
        held = {leg for leg in self.legs if leg.wallet == change.wallet and leg.field in fields}
        effects: dict[Leg, Decimal] = {}
        for leg in held | set(target) | {leg for leg in kept if leg.field in fields}:
            wanted = money.add(target.get(leg, money.ZERO), kept.get(leg, money.ZERO))
            effects[leg] = money.subtract(wanted, self.legs.get(leg, money.ZERO))
        for leg, locked in _stated_locks(change, self.legs).items():
            if locked is not None and leg in self.legs:
                effects[leg] = money.subtract(locked, self.legs[leg])
        return {leg: amount for leg, amount in effects.items() if amount}

    def _not_included(self, change: Statement) -> dict[Leg, Decimal]:
        if change.includes_through is None:
            return {}
        through = change.includes_through
        later = [
            entry.effects
            for entry in self._entries
            if entry.occurred_at is not None and entry.occurred_at > through and not entry.restates
        ]
        return {leg: amount for leg, amount in merge(*later).items() if leg.wallet == change.wallet}

    def _recording(
        self, movement: Movement, change: Change, recorded_at: int, order: tuple[str, Order] | None
    ) -> Recording:
        if movement.type is not MovementType.STATEMENT and self._included_already(movement):
            locks = {leg: amount for leg, amount in movement.effects.items() if leg.field is Field.LOCKED}
            movement = replace(movement, effects=locks)  # keeps its id and changes nothing that was stated
        return Recording(self.version + 1, movement, change, recorded_at, order)

    def _included_already(self, movement: Movement) -> bool:
        reaches = [told.includes_through for (wallet, _), told in self.told.items() if wallet == movement.wallet]
        if movement.occurred_at is None:
            return False
        return any(through is not None and movement.occurred_at <= through for through in reaches)

    # -- applying ----------------------------------------------------------------------------------------------------

    def apply(self, recording: Recording, recorded_us: int) -> None:
        """Takes a committed recording into memory. `recorded_us` is when it was told (monotonic us)."""
        assert recording.version == self.version + 1, "recordings are applied in order"
        movement, change = recording.movement, recording.change
        self.version = recording.version
        restates = movement.type is MovementType.STATEMENT and bool(movement.effects)
        legs = dict(self.legs)  # windows already handed out keep the old one
        for leg, amount in movement.effects.items():
            legs[leg] = money.add(legs.get(leg, money.ZERO), amount)
        if isinstance(change, Statement):
            self._take_statement(change, recording, legs)
        self.legs = legs
        if recording.order is not None:
            self.orders.put(*recording.order)
        if movement.id is not None:
            self.remember(change.movement if isinstance(change, Record) else movement)
        if movement.type in {MovementType.FILL, MovementType.FEE}:
            for leg in movement.effects:
                self.operations[leg] = self.operations.get(leg, 0) + 1
        self._entries.append(Entry(self.version, recorded_us, movement.occurred_at, movement.effects, restates))
        self._trim(recorded_us)

    def replay(self, movement: Movement, change: Change, recorded_at: int) -> None:
        """Takes a stored recording, with the effects that it had then. Replayed versions are no part of the recent history."""
        self.apply(Recording(self.version + 1, movement, change, recorded_at, self._order_after(change)), 0)
        self._entries.clear()

    def forget_recent(self, now_us: int) -> None:
        """Recent versions are not known for certain: reads that reach back behind now stay undecided."""
        self._entries.clear()
        self._complete_from_us = now_us

    def _take_statement(self, change: Statement, recording: Recording, legs: dict[Leg, Decimal]) -> None:
        kind = "positions" if change.positions is not None else "balances"
        self.told[change.wallet, kind] = Told(
            change.version if change.version is not None else self._last_version(change.wallet, kind),
            change.as_of,
            _digest(change),
            change.includes_through,
            recording.recorded_at,
        )
        self.conflict = False
        self.gap = False
        if change.balances is None:
            return
        for leg, locked in _stated_locks(change, legs).items():
            if locked is None:
                legs.pop(leg, None)  # no longer stated is no longer known (I1)
            else:
                legs.setdefault(leg, locked)
        for currency in change.balances:
            legs.setdefault(Leg(change.wallet, currency, Field.TOTAL), money.ZERO)
        for leg in [leg for leg in self.operations if leg.wallet == change.wallet]:
            del self.operations[leg]

    def _last_version(self, wallet: str, kind: str) -> int | None:
        last = self.told.get((wallet, kind))
        return last.version if last else None

    def remember(self, movement: Movement) -> None:
        """Keeps an id, so that its duplicate is known; the oldest are forgotten beyond the bound and must be looked up."""
        assert movement.id is not None, "only movements with an id are remembered"
        self._ids[movement.id] = (*self._ids.get(movement.id, ()), movement)
        self._ids.move_to_end(movement.id)
        if len(self._ids) > self.remembered_ids:
            self._ids.popitem(last=False)
            self.ids_complete = False

    def lacks(self, movement_id: str) -> bool:
        """Whether only the store can tell if this id was recorded."""
        return not self.ids_complete and movement_id not in self._ids

    def _trim(self, now_us: int) -> None:
        while self._entries and (
            len(self._entries) > self.history_entries or self._entries[0].recorded_us < now_us - self.history_us
        ):
            self._complete_from_us = self._entries.popleft().recorded_us

    def exact(self, legs: Sequence[Leg]) -> None:
        """Legs that agreed to the last digit: tolerance is measured from here on."""
        for leg in legs:
            self.operations.pop(leg, None)

    # -- reading -----------------------------------------------------------------------------------------------------

    def known(self, movement_id: str) -> tuple[Movement, ...]:
        """What is remembered under an id of the exchange."""
        return self._ids.get(movement_id, ())

    def includes(self, movement: Movement) -> bool:
        """Whether a statement already counts a movement that the book need not hold by id.

        A wallet's opening and each statement include what happened up to the instant they speak of.
        """
        told = self.told.get((movement.wallet, "balances"))
        if told is None or movement.occurred_at is None:
            return told is None
        reach = told.includes_through if told.includes_through is not None else told.as_of
        return movement.occurred_at <= reach

    @property
    def unknown(self) -> UnknownReason | None:
        """Why the account cannot be compared, if it cannot."""
        if self.gap:
            return UnknownReason.LOCAL_GAP
        if self.conflict:
            return UnknownReason.LOCAL_CONFLICT
        if not any(wallet in self.wallets for wallet, _ in self.told):
            return UnknownReason.NO_OPENING
        return None

    def window(self) -> BookWindow:
        """The book as comparisons see it; the value is safe to hand to another thread."""
        reserves: dict[Leg, Decimal] = {}
        for order in self.orders.values():
            if order.is_buy and order.currency is not None and order.locks:
                leg = Leg(order.wallet, order.currency, Field.LOCKED)
                reserves[leg] = money.add(reserves.get(leg, money.ZERO), order.locks)
        return BookWindow(
            exchange=self.exchange,
            version=self.version,
            legs=self.legs,
            entries=tuple(self._entries),
            complete_from_us=self._complete_from_us,
            balance_wallets=frozenset(wallet for wallet, kind in self.told if kind == "balances"),
            position_wallets=frozenset(wallet for wallet, kind in self.told if kind == "positions"),
            unknown=self.unknown,
            first_message_us=self.first_message_us,
            watermark_at=self.watermark_at,
            since_at=min((one.as_of for one in self.told.values()), default=None),
            operations=dict(self.operations),
            reserves=reserves,
        )


def _stated_locks(change: Statement, legs: Mapping[Leg, Decimal]) -> dict[Leg, Decimal | None]:
    """Every locked leg of the wallet as the statement leaves it: its value, 0 where it is not listed, None where not stated."""
    if change.balances is None:
        return {}
    states_any = any(stated.locked is not None for stated in change.balances.values())
    held = {leg.currency for leg in legs if leg.wallet == change.wallet and leg.field is Field.LOCKED}
    locks: dict[Leg, Decimal | None] = {}
    for currency in held | set(change.balances):
        stated = change.balances.get(currency)
        unlisted = money.ZERO if states_any else None
        locks[Leg(change.wallet, currency, Field.LOCKED)] = stated.locked if stated is not None else unlisted
    return locks


def _digest(change: Statement) -> str:
    """The statement's content as text: equal text, equal statement."""
    if change.positions is not None:
        lines = [f"{symbol}={money.plain(quantity)}" for symbol, quantity in sorted(change.positions.items())]
    else:
        lines = [
            "=".join((currency, *("" if one is None else money.plain(one) for one in (s.total, s.locked, s.borrowed))))
            for currency, s in sorted((change.balances or {}).items())
        ]
    return ";".join(lines)
