"""The local book of one account: event-sourced, versioned, bitemporal.

Versions follow the order of recording and are never rewritten; a movement also has its own time. A change is proposed
first, committed to disk by the ledger writer, and only then applied, so that memory never knows more than the store (I3, I8).
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.causes import Unnamed
from reconcile_actors.domain.changes import Change, Compensation, OrderClosed, OrderOpened, Record, Statement
from reconcile_actors.domain.ids import RememberedIds
from reconcile_actors.domain.movements import Movement, MovementType, merge, value_of
from reconcile_actors.domain.orders import Order, Orders, StepKind
from reconcile_actors.domain.postings import Postings, accounts_for
from reconcile_actors.domain.proposals import (
    Duplicate,
    Recording,
    Refusal,
    order_after,
    refuse_opening,
    refuse_statement,
    step_of,
)
from reconcile_actors.domain.settlement import Settlement
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.domain.statements import (
    BALANCES,
    POSITIONS,
    Told,
    digest,
    kind_for,
    kind_of,
    not_included,
    optional,
    restatement,
)
from reconcile_actors.domain.suspense import Suspense, counter_of
from reconcile_actors.domain.window import BookWindow, Entry

__all__ = ["Book", "Duplicate", "Recording", "Refusal", "Told"]

_ROUNDED = {
    Settlement.APART: frozenset({MovementType.FILL, MovementType.FEE, MovementType.FUNDING}),
    # whatever touches such an account settles what funding was owed, and rounds that
    Settlement.NOTIONAL: frozenset(MovementType) - {MovementType.STATEMENT, MovementType.ORDER},
}


@dataclass(slots=True)
class Book:
    """One account's book. `wallets` are the configured ones, the first is the default. `settlement` is the exchange's.

    `within_us` is how far the own times may differ of a movement that history gave no id and its report, about L + R.

    `forgotten_at` is the newest own time of a movement that is no longer among the recent versions (UTC us).
    """

    exchange: str
    wallets: tuple[str, ...]
    history_us: int = 120_000_000
    history_entries: int = 20_000
    remembered_ids: int = 20_000
    settlement: Settlement = Settlement.APART
    within_us: int = 4_000_000
    version: int = 0
    legs: dict[Leg, Decimal] = field(default_factory=dict)
    told: dict[tuple[str, str], Told] = field(default_factory=dict)
    orders: Orders = field(default_factory=Orders)
    gap: bool = False
    conflict: bool = False
    first_message_us: int | None = None
    watermark_at: int | None = None
    forgotten_at: int | None = None
    operations: dict[Leg, int] = field(default_factory=dict)
    suspense: Suspense = field(default_factory=Suspense)
    postings: Postings = field(default_factory=Postings)
    _ids: RememberedIds = field(init=False)
    _entries: deque[Entry] = field(default_factory=deque)
    _complete_from_us: int | None = None
    _restated: set[tuple[str, str]] = field(default_factory=set)
    _dates: dict[str | None, int] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        self._ids = RememberedIds(self.remembered_ids)

    # -- proposing ---------------------------------------------------------------------------------------------------

    def propose(self, change: Change, recorded_at: int) -> Recording | Duplicate | Refusal:
        """What recording the change now would do; changes nothing. `recorded_at` is UTC us."""
        wallet = change.movement.wallet if isinstance(change, Record | Compensation) else change.wallet
        if wallet not in self.wallets:
            return Refusal("unknown_wallet")
        refused = self._refuse(change)
        if refused is not None:
            return refused
        after = order_after(self.orders, change)
        movement = change.movement if isinstance(change, Record | Compensation) else self._own_movement(change)
        effects, step = movement.effects, step_of(change)
        if after is not None:
            effects = merge(effects, self._lock_change(*after))
        if not isinstance(change, Statement | Compensation):
            # what a statement includes already keeps its id and changes nothing
            effects = {leg: one for leg, one in effects.items() if not self._included(movement, kind_for(leg))}
            step = None if self._included(movement, BALANCES) else step
        return Recording(self.version + 1, replace(movement, effects=effects), change, recorded_at, after, step)

    def _refuse(self, change: Change) -> Duplicate | Refusal | None:
        match change:
            case Record(movement=movement) | Compensation(movement=movement):
                if isinstance(change, Record) and change.posted is None:
                    late = self._answer_late(movement)
                    if late is not None:
                        return late
                known = self._ids.has_duplicate(movement)
                if known is None:
                    return None
                return Duplicate() if known else Refusal("conflict", conflict=True)
            case OrderOpened():
                return refuse_opening(self.orders, change)
            case OrderClosed(order_id=order_id):
                order = self.orders.get(order_id)
                return Duplicate() if order is not None and order.closed else None
            case Statement():
                return refuse_statement(self.told.get((change.wallet, kind_of(change))), self.forgotten_at, change)

    def _answer_late(self, told: Movement) -> Duplicate | Refusal | None:
        """What a report is of a movement that a repair has posted before."""
        posted = (one for id_ in self.postings.named for one in self._ids.known(id_))
        if any(accounts_for(one, told, self.within_us) for one in posted):
            return Duplicate()
        return self.postings.answer_late(told, self._ids.known(told.id))

    def _own_movement(self, change: OrderOpened | OrderClosed | Statement) -> Movement:
        """The movement that stands in the book for a change that is none of the exchange's."""
        if isinstance(change, Statement):
            kept = not_included(change, self._entries, self.orders)
            effects = restatement(change, self.legs, kept)
            kind = MovementType.STATEMENT
            return Movement(self.exchange, change.wallet, kind, id=None, effects=effects, side=kind_of(change))
        return Movement(
            exchange=self.exchange,
            wallet=change.wallet,
            type=MovementType.ORDER,
            id=None,
            effects={},
            order_id=change.order_id,
            side=StepKind.OPEN if isinstance(change, OrderOpened) else StepKind.CLOSE,
            occurred_at=change.occurred_at,
        )

    def _included(self, movement: Movement, kind: str) -> bool:
        told = self.told.get((movement.wallet, kind))
        happened_at = movement.occurred_at if movement.occurred_at is not None else self._dates.get(movement.id)
        if told is None or told.includes_through is None or happened_at is None:
            return False
        return happened_at <= told.includes_through

    def _lock_change(self, order_id: str, after: Order) -> dict[Leg, Decimal]:
        leg, before = after.leg, self.orders.get(order_id)
        if leg is None or leg not in self.legs:
            return {}  # unknown plus a known lock is still unknown (I1)
        change = money.subtract(after.locks, before.locks if before is not None else money.ZERO)
        return {leg: change} if change else {}

    # -- applying ----------------------------------------------------------------------------------------------------

    def apply(self, recording: Recording, recorded_us: int) -> None:
        """Takes a committed recording into memory. `recorded_us` is when it was told (monotonic us)."""
        assert recording.version == self.version + 1, "recordings are applied in order"
        movement, change = recording.movement, recording.change
        self.version = recording.version
        legs = dict(self.legs)  # windows already handed out keep the old one
        for leg, amount in movement.effects.items():
            legs[leg] = money.add(legs.get(leg, money.ZERO), amount)
        if isinstance(change, Statement):
            self._take_statement(change, recording, legs)
        self.legs = legs
        if recording.order is not None:
            self.orders.put(*recording.order)
        if isinstance(change, Record) and movement.id is not None:
            self._remember_as_told(change.movement, recording.recorded_at)
            if change.posted is not None:
                self.postings.note_id(movement.id, change.posted)
        if isinstance(change, Compensation):
            self._take_compensation(change)
        entry = Entry(
            self.version,
            recorded_us,
            movement.occurred_at if movement.occurred_at is not None else self._dates.get(movement.id),
            value_of(movement.effects),
            restates=isinstance(change, Statement) and bool(movement.effects),
            step=recording.step,
            rounds=movement.type in _ROUNDED[self.settlement],
            id=movement.id,
        )
        if entry.rounds:
            for leg in entry.effects:
                self.operations[leg] = self.operations.get(leg, 0) + 1
        self._entries.append(entry)
        while len(self._entries) > self.history_entries or self._entries[0].recorded_us < recorded_us - self.history_us:
            self._complete_from_us = self._entries[0].recorded_us
            self._forget(self._entries.popleft().occurred_at)

    def replay(self, movement: Movement, change: Change, recorded_at: int) -> None:
        """Takes a stored recording, with the effects that it had then. Replayed versions are no part of the recent history."""
        self.apply(Recording(self.version + 1, movement, change, recorded_at, order_after(self.orders, change)), 0)
        self._entries.clear()
        self._forget(movement.occurred_at)

    def forget_recent(self, now_us: int) -> None:
        """Recent versions are not known for certain: reads that reach back behind now may match, but stay undecided."""
        for entry in self._entries:
            self._forget(entry.occurred_at)
        self._entries.clear()
        self._complete_from_us = now_us

    def _forget(self, occurred_at: int | None) -> None:
        if occurred_at is not None:
            self.forgotten_at = max(occurred_at, self.forgotten_at or occurred_at)

    def _take_compensation(self, change: Compensation) -> None:
        self.remember(change.movement)
        self.postings.note(change.adjustment)
        if change.cut_at is None:
            self.suspense.net(change.movement.effects)
        else:
            self.suspense.adopt(change.movement.effects, change.cut_at, change.adjustment)

    def _take_statement(self, change: Statement, recording: Recording, legs: dict[Leg, Decimal]) -> None:
        key = (change.wallet, kind_of(change))
        last = self.told.get(key)
        self.told[key] = Told(
            change.version if change.version is not None or last is None else last.version,
            change.as_of,
            digest(change),
            change.includes_through,
            recording.recorded_at,
        )
        self.suspense.restate(change.wallet, positions=change.positions is not None, through=change.includes_through)
        self._restated.add(key)
        if self._restated >= set(self.told) or not (self.gap or self.conflict):
            # a gap may lie in any wallet: it is healed once each is stated anew
            self.gap = self.conflict = False
            self._restated.clear()
        for leg, value in optional(change, legs).items():
            if value is None:
                legs.pop(leg, None)  # no longer stated is no longer known (I1)
            else:
                legs.setdefault(leg, money.ZERO)
        for currency in change.balances or {}:
            legs.setdefault(Leg(change.wallet, currency, Field.TOTAL), money.ZERO)
        for leg in [leg for leg in self.operations if leg.wallet == change.wallet]:
            if kind_for(leg) == key[1]:
                del self.operations[leg]

    def remember(self, movement: Movement) -> None:
        """Keeps an id, so that its duplicate is known; the oldest are forgotten beyond the bound and must be looked up."""
        self._ids.add(movement)

    def _remember_as_told(self, movement: Movement, recorded_at: int) -> None:
        # an exchange that gives funding no id tells its entries by time: without one, that of the report must do
        if movement.type is MovementType.FUNDING and movement.occurred_at is None:
            movement = replace(movement, occurred_at=recorded_at)
        self.remember(movement)

    def date(self, movements: Iterable[Movement]) -> None:
        """Takes own times from the exchange's history for movements that were told without; what is recorded never changes."""
        self._dates = {
            one.id: one.occurred_at for one in movements if one.id is not None and one.occurred_at is not None
        }
        for at, entry in enumerate(self._entries):
            if entry.occurred_at is None and entry.id in self._dates:
                self._entries[at] = replace(entry, occurred_at=self._dates[entry.id])

    def counter_of(self, movement: Movement) -> dict[Leg, Decimal]:
        """What of a movement that was just recorded must be taken back, because suspense holds it already."""
        happened_at = movement.occurred_at if movement.occurred_at is not None else self._dates.get(movement.id)
        return counter_of(movement.effects, happened_at, self.suspense.cuts)

    def has_moved_since(self, version: int, legs: Iterable[Leg], cut_at: int | None) -> bool:
        """Whether the book was restated since a version or, with `cut_at` (UTC us), has learned of something on these legs
        that happened by then, or at a time that nobody told."""
        touched = frozenset(legs)
        since = [one for one in self._entries if one.version > version]
        if len(since) < self.version - version:
            return True  # not all of it is remembered
        return any(
            one.restates
            or (
                cut_at is not None
                and (one.occurred_at is None or one.occurred_at <= cut_at)
                and not touched.isdisjoint(one.effects)
            )
            for one in since
        )

    def exact(self, legs: Sequence[Leg], version: int | None = None) -> None:
        """Legs that agreed to the last digit in a window at `version` (default: the newest): tolerance is measured from there."""
        since = self.version if version is None else version
        for leg in legs:
            count = sum(1 for one in self._entries if one.version > since and one.rounds and leg in one.effects)
            if count:
                self.operations[leg] = count
            else:
                self.operations.pop(leg, None)

    @property
    def newest_at(self) -> int | None:
        """The newest own time of all movements (UTC us)."""
        own = [one.occurred_at for one in self._entries if one.occurred_at is not None]
        return max((*own, *(() if self.forgotten_at is None else (self.forgotten_at,))), default=None)

    # -- reading -----------------------------------------------------------------------------------------------------

    @property
    def ids_complete(self) -> bool:
        """Whether every id ever recorded is remembered."""
        return self._ids.complete

    @ids_complete.setter
    def ids_complete(self, complete: bool) -> None:
        self._ids.complete = complete

    def known(self, movement_id: str) -> tuple[Movement, ...]:
        """What is remembered under an id of the exchange."""
        return self._ids.known(movement_id)

    def unnamed(self, within_us: int) -> Unnamed:
        """How entries of the exchange that bear no id meet this book; their own times may differ by `within_us`."""
        return Unnamed(self._ids.all, within_us, self._ids.may_have_forgotten)

    def lacks(self, movement_id: str) -> bool:
        """Whether only the store can tell if this id was recorded."""
        return self._ids.lacks(movement_id)

    def includes(self, movement: Movement) -> bool:
        """Whether a statement already counts a movement that the book need not hold by id.

        A wallet's opening and each statement include what happened up to the instant they speak of.
        """
        kinds = {kind_for(leg) for leg in movement.effects} or {BALANCES}
        told = [self.told.get((movement.wallet, kind)) for kind in kinds]
        if all(one is None for one in told):
            return True  # nothing was ever stated: the wallet is unknown, and lacks nothing yet
        reaches = [one.includes_through or one.as_of for one in told if one is not None]
        return movement.occurred_at is not None and movement.occurred_at <= min(reaches)

    @property
    def unknown(self) -> UnknownReason | None:
        """Why nothing of the account can be compared, if it cannot."""
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
        open_orders: dict[Leg, int] = {}
        for order in self.orders.locking():
            leg = order.leg
            assert leg is not None, "what locks something was opened"
            open_orders[leg] = open_orders.get(leg, 0) + 1
            if order.is_buy:
                reserves[leg] = money.add(reserves.get(leg, money.ZERO), order.locks)
        touched = {one.step.order_id for one in self._entries if one.step is not None}
        known = {order_id: self.orders.get(order_id) for order_id in touched}
        return BookWindow(
            exchange=self.exchange,
            version=self.version,
            legs=self.legs,
            entries=tuple(self._entries),
            complete_from_us=self._complete_from_us,
            balance_wallets=frozenset(wallet for wallet, kind in self.told if kind == BALANCES),
            position_wallets=frozenset(wallet for wallet, kind in self.told if kind == POSITIONS),
            unknown=self.unknown,
            unopened=frozenset(self.wallets) - {wallet for wallet, _ in self.told},
            first_message_us=self.first_message_us,
            watermark_at=self.watermark_at,
            since_at=min((one.as_of for one in self.told.values()), default=None),
            operations=dict(self.operations),
            reserves=reserves,
            open_orders=open_orders,
            orders={order_id: order for order_id, order in known.items() if order is not None},
            suspended=self.suspense.cuts,
        )
