"""A trading bot and its exchange in virtual time, and a driver that polls as the service does: the oracle of the comparison.

The exchange is true by definition: it keeps every state that it ever had. The bot reports late, out of order and twice.
What is wrong is wrong on purpose, by name.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_EVEN, Decimal
from random import Random

from reconcile_actors.domain.balances import Balance, Field, Leg
from reconcile_actors.domain.book import Book, Recording
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.causes import missing_from
from reconcile_actors.domain.changes import Change, OrderClosed, OrderOpened, Record, Stated, Statement
from reconcile_actors.domain.discrepancy import Kind
from reconcile_actors.domain.movements import Movement, MovementType, fill_effects
from reconcile_actors.domain.register import Change as Moved
from reconcile_actors.domain.register import Register
from reconcile_actors.domain.snapshot import Bracket, Snapshot
from reconcile_actors.domain.tracking import Declared, Tracker
from reconcile_actors.domain.valuation import Price

ACCOUNT = "sim"
SECOND = 1_000_000
EPOCH_AT = 1_800_000_000 * SECOND
STEP = Decimal("0.0001")
STEPS = {"BTC": Decimal("1e-8"), "USD": STEP, "BNB": Decimal("1e-6")}
PRICES = {
    "BTC": Price(Decimal(60000), "static"),
    "USD": Price(Decimal(1), "static"),
    "BNB": Price(Decimal(600), "static"),
}


def total(currency: str) -> Leg:
    """The leg that most tests look at."""
    return Leg("spot", currency, Field.TOTAL)


@dataclass(frozen=True)
class Habits:
    """How a bot trades and reports, and how its exchange answers. Times in seconds."""

    rate: float = 5.0
    lateness: float = 1.9
    typical_lateness: float = 0.05
    own_times: bool = True
    staleness: float = 0.0
    skew: float = 0.0
    round_trip: float = 0.08
    maker: bool = False
    orders: bool = False
    fee_currency: str = "USD"
    separate_fees: bool = False
    rounding: bool = True
    duplicates: float = 0.05
    tick_us: int = 1
    deposits: float = 0.02


@dataclass
class Exchange:
    """Balances as they were after each change, by the true instant (monotonic us)."""

    habits: Habits
    balances: dict[str, Decimal] = field(default_factory=dict)
    locked: dict[str, Decimal] = field(default_factory=dict)
    states: list[tuple[int, dict[str, Decimal], dict[str, Decimal]]] = field(default_factory=list)
    ledger: list[tuple[int, Movement]] = field(default_factory=list)
    frozen_us: int | None = None
    blank: bool = False

    def change(self, now_us: int, effects: dict[str, Decimal], locks: dict[str, Decimal] | None = None) -> None:
        """Something happens; cost is rounded to what the exchange's text can show."""
        for currency, amount in effects.items():
            after = self.balances.get(currency, Decimal(0)) + amount
            self.balances[currency] = after
        for currency, amount in (locks or {}).items():
            self.locked[currency] = self.locked.get(currency, Decimal(0)) + amount
        self.states.append((now_us, dict(self.balances), dict(self.locked)))

    def at(self, instant_us: int) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
        """What it held at an instant."""
        if self.frozen_us is not None:
            instant_us = min(instant_us, self.frozen_us)
        low, high = 0, len(self.states)
        while low < high:
            middle = (low + high) // 2
            if self.states[middle][0] <= instant_us:
                low = middle + 1
            else:
                high = middle
        assert low, "the world begins with a state"
        return self.states[low - 1][1], self.states[low - 1][2]

    def snapshot(self, bracket: Bracket, shown_us: int, connection: int) -> Snapshot:
        """What it answers."""
        balances, locked = self.at(shown_us)
        rows = {}
        for currency in sorted(balances):
            held = Decimal(0) if self.blank else balances[currency]
            lock = Decimal(0) if self.blank else locked.get(currency, Decimal(0))
            rows["spot", currency] = Balance(currency, held, held - lock, lock)
        text = ";".join(f"{row.currency}={row.total}/{row.locked}" for row in rows.values())
        return Snapshot(
            exchange=ACCOUNT,
            group="spot",
            bracket=bracket,
            balances=rows,
            positions={},
            digest=text,
            raw_digest=text,
            steps=STEPS,
            connection=connection,
        )


@dataclass
class Finding:
    """A change of the register, and when it came (seconds)."""

    seconds: float
    change: Moved


class World:
    """Run it with `run(seconds)`; interfere with `at(seconds, action)` or by setting a hook."""

    def __init__(self, seed: int, habits: Habits, bounds: Bounds | None = None, *, history: bool = True) -> None:
        self.random = Random(seed)
        self.habits = habits
        self.bounds = bounds or Bounds()
        self.now_us = 5 * SECOND
        self.started_us = self.now_us
        self.exchange = Exchange(habits)
        self.book = Book(ACCOUNT, ("spot",))
        self.tracker = self._tracker()
        self.history = history
        self.findings: list[Finding] = []
        self.reads = self.agreed = self.decided = 0
        self.pending: list[Snapshot] = []
        self.connection = 0
        self.burst = 0
        self.reading = False
        self.drop: Callable[[str, int], bool] = lambda kind, number: False
        self.delay: Callable[[str, int], float | None] = lambda kind, number: None
        self.trading = True
        self.fills = 0
        self.price = Decimal(60000)
        self.position = 0
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._statement = 0
        self._history_us = -(10**12)
        self.exchange.change(self.now_us - 60 * SECOND, {"BTC": Decimal(2), "USD": Decimal(500000), "BNB": Decimal(10)})
        self.state(self.exchange.balances, self.exchange.locked)
        self.book.first_message_us = self.now_us
        # the opening is old news: entries of it are behind us
        self.now_us += 10 * SECOND
        self._after(0.0, self._poll)
        self._after(0.4, self._look_back)
        if habits.rate:
            self._after(self.random.expovariate(habits.rate), self._trade)
        if habits.deposits:
            self._after(self.random.expovariate(habits.deposits), self._deposit)

    def _tracker(self) -> Tracker:
        register = Register(ACCOUNT, Decimal(10), prices=dict(PRICES))
        declared = Declared(frozenset({Field.TOTAL, Field.LOCKED}), Decimal("0.005"))
        return Tracker(register, self.bounds, declared)

    # -- time ---------------------------------------------------------------------------------------------------------

    @property
    def seconds(self) -> float:
        """Since the start."""
        return (self.now_us - self.started_us) / SECOND - 10

    def utc(self, instant_us: int) -> int:
        """Our wall clock."""
        return EPOCH_AT + instant_us

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._queue, (self.now_us + int(seconds * SECOND), self._order, action))

    def at(self, seconds: float, action: Callable[[], None]) -> None:
        """Interferes at a time."""
        self._after(seconds - self.seconds, action)

    def run(self, seconds: float) -> World:
        """Until so many seconds after the start."""
        until_us = self.started_us + int((seconds + 10) * SECOND)
        while self._queue and self._queue[0][0] <= until_us:
            self.now_us, _, action = heapq.heappop(self._queue)
            action()
        self.now_us = until_us
        return self

    # -- the bot --------------------------------------------------------------------------------------------------------

    def _stamp(self, instant_us: int) -> int:
        at = self.utc(instant_us) + int(self.habits.skew * SECOND)
        return at - at % self.habits.tick_us

    def _trade(self) -> None:
        if self.trading:
            self.fill()
        self._after(self.random.expovariate(self.habits.rate), self._trade)

    def fill(self) -> None:
        """One fill happens at the exchange, and is told in due course."""
        habits, random = self.habits, self.random
        self.fills += 1
        number = self.fills
        if habits.maker:
            side = random.choice(["buy", "sell"])
            if abs(self.position) >= 3:
                side = "sell" if self.position > 0 else "buy"
            self.position += 1 if side == "buy" else -1
            quantity, price = Decimal("0.01"), Decimal(60000)
        else:
            side = random.choice(["buy", "sell"])
            quantity = Decimal(random.randint(1, 400)).scaleb(-4)
            self.price += Decimal(random.randint(-50, 50)).scaleb(-1)
            price = self.price + Decimal(random.randint(0, 99)).scaleb(-2)
        fee_quantum = Decimal("0.000001") if habits.fee_currency == "BNB" else STEP
        worth = quantity * price
        fee = (worth * Decimal("0.001") / (Decimal(600) if habits.fee_currency == "BNB" else 1)).quantize(fee_quantum)
        cost = worth.quantize(STEP, ROUND_HALF_EVEN) if habits.rounding else worth
        true = fill_effects(
            "spot", "BTC/USD", side, quantity, price, fee_currency=habits.fee_currency, fee=fee, cost=cost
        )
        order_id = f"O{number}" if habits.orders else None
        locks: dict[str, Decimal] = {}
        if order_id is not None:
            currency, unit = ("USD", price) if side == "buy" else ("BTC", Decimal(1))
            locks = {currency: -quantity * unit}
            opened = min(random.uniform(0.05, 3.0), 4.0)
            self._open_order(order_id, side, quantity * 2, unit, currency)
            self._after(opened, lambda: self._fill_now(number, side, quantity, price, fee, true, order_id, locks))
            self._after(
                opened + random.uniform(0.01, 2.0), lambda: self._close_order(order_id, currency, quantity * unit)
            )
            return
        self._fill_now(number, side, quantity, price, fee, true, None, locks)

    def _fill_now(  # noqa: PLR0917 a model's inner step, called in two places
        self,
        number: int,
        side: str,
        quantity: Decimal,
        price: Decimal,
        fee: Decimal,
        true: dict[Leg, Decimal],
        order_id: str | None,
        locks: dict[str, Decimal],
    ) -> None:
        habits = self.habits
        self.exchange.change(self.now_us, {leg.currency: amount for leg, amount in true.items()}, locks)
        at = self._stamp(self.now_us)
        fill_id = f"T{number}"
        made = Movement(ACCOUNT, "spot", MovementType.FILL, fill_id, true, "BTC/USD", order_id, side, at)
        self.exchange.ledger.append((self.now_us, made))
        own = at if habits.own_times else None
        reported = fill_effects(
            "spot",
            "BTC/USD",
            side,
            quantity,
            price,
            fee_currency=None if habits.separate_fees else habits.fee_currency,
            fee=None if habits.separate_fees else fee,
        )
        told = Movement(ACCOUNT, "spot", MovementType.FILL, fill_id, reported, "BTC/USD", order_id, side, own)
        self.tell("fill", number, Record(told, quantity))
        if habits.separate_fees:
            effects = {total(habits.fee_currency): -fee} if fee else {}
            paid = Movement(ACCOUNT, "spot", MovementType.FEE, fill_id, effects, habits.fee_currency, None, None, own)
            self.tell("fee", number, Record(paid))

    def _open_order(self, order_id: str, side: str, quantity: Decimal, unit: Decimal, currency: str) -> None:
        self.exchange.change(self.now_us, {}, {currency: quantity * unit})
        own = self._stamp(self.now_us) if self.habits.own_times else None
        self.tell(
            "open", int(order_id[1:]), OrderOpened("spot", order_id, currency, quantity, unit, side == "buy", own)
        )

    def _close_order(self, order_id: str, currency: str, rest: Decimal) -> None:
        self.exchange.change(self.now_us, {}, {currency: -rest})
        own = self._stamp(self.now_us) if self.habits.own_times else None
        self.tell("close", int(order_id[1:]), OrderClosed("spot", order_id, own))

    def _deposit(self) -> None:
        self.transfer(Decimal(self.random.randint(1, 100000)).scaleb(-2))
        self._after(self.random.expovariate(self.habits.deposits), self._deposit)

    def transfer(self, amount: Decimal, currency: str = "USD", *, told: bool = True, listed: bool = True) -> str:
        """A deposit or withdrawal; `told` by the bot, `listed` by history."""
        self.fills += 1
        transfer_id = f"D{self.fills}"
        self.exchange.change(self.now_us, {currency: amount})
        at = self._stamp(self.now_us)
        made = Movement(
            ACCOUNT, "spot", MovementType.TRANSFER, transfer_id, {total(currency): amount}, currency, occurred_at=at
        )
        if listed:
            self.exchange.ledger.append((self.now_us, made))
        if told:
            own = made if self.habits.own_times else replace(made, occurred_at=None)
            self.tell("deposit", self.fills, Record(own))
        return transfer_id

    def _lateness(self) -> float:
        habits = self.habits
        late = self.random.expovariate(1 / habits.typical_lateness) if habits.typical_lateness else 0.0
        if self.random.random() < 0.05:
            late = self.random.uniform(0, habits.lateness)
        return min(late, habits.lateness)

    def tell(self, kind: str, number: int, change: Change) -> None:
        """Reports late, sometimes twice, unless the bot forgets."""
        if self.drop(kind, number):
            return
        delay = self.delay(kind, number)
        self._after(self._lateness() if delay is None else delay, lambda: self.record(change))
        if self.random.random() < self.habits.duplicates:
            self._after(self._lateness() if delay is None else delay, lambda: self.record(change))

    def record(self, change: Change) -> object:
        """What the portfolio actor does with a report."""
        proposal = self.book.propose(change, self.utc(self.now_us))
        if isinstance(proposal, Recording):
            self.book.apply(proposal, self.now_us)
        return proposal

    def state(self, balances: dict[str, Decimal], locked: dict[str, Decimal]) -> None:
        """A statement of the whole wallet."""
        self._statement += 1
        stated = {name: Stated(amount, locked.get(name, Decimal(0))) for name, amount in balances.items()}
        self.record(Statement("spot", self._statement, self.utc(self.now_us), balances=stated))

    # -- the driver -----------------------------------------------------------------------------------------------------

    def _poll(self) -> None:
        self._read()
        self._after(2.0, self._poll)

    def _read(self) -> None:
        if self.reading:
            return
        self.reading = True
        requested_us = self.now_us
        if self.tracker.wants_fresh_connection:
            self.connection += 1
        connection = self.connection
        trip_us = int(self.random.uniform(0.3, 1.0) * self.habits.round_trip * SECOND) + 2
        stale_us = int(self.random.uniform(0, self.habits.staleness) * SECOND)
        shown_us = requested_us + self.random.randint(0, trip_us) - stale_us
        shown_us = max(shown_us, requested_us - self.bounds.exchange_lag_us)
        self._after(trip_us / SECOND, lambda: self._answered(requested_us, shown_us, connection))

    def _answered(self, requested_us: int, shown_us: int, connection: int) -> None:
        self.reading = False
        bracket = Bracket(requested_us, self.now_us, self.utc(requested_us), self.utc(self.now_us))
        snapshot = self.exchange.snapshot(bracket, shown_us, connection)
        self.reads += 1
        window = self.book.window()
        done, changes = self.tracker.judge(window, snapshot, settled=False, now_at=self.utc(self.now_us))
        self.tracker.remember(snapshot)
        self._note(changes)
        if done:
            self.agreed += 1
            self.burst = 0
            self._anchor(window.version)
            self.pending = [one for one in self.pending if one.bracket.requested_us > requested_us]
            return
        self.pending.append(snapshot)
        due_us = self.tracker.settles_at_us(bracket, window, self.started_us)
        self._after((due_us - self.now_us) / SECOND, lambda: self._settle(snapshot))
        if self.burst < 3:
            self.burst += 1
            self._after(0.25, self._read)
        if self.history and self.now_us - self._history_us > SECOND:
            self._ask_history()

    def _settle(self, snapshot: Snapshot) -> None:
        if snapshot not in self.pending:
            return
        self.pending.remove(snapshot)
        window, before = self.book.window(), self.tracker.last_match
        self.decided += 1
        self._note(self.tracker.judge(window, snapshot, settled=True, now_at=self.utc(self.now_us))[1])
        if self.tracker.last_match is not before:
            self.burst = 0
            self._anchor(window.version)

    def _anchor(self, version: int) -> None:
        self.book.exact(self.tracker.exact, version)

    def _look_back(self) -> None:
        if self.history:
            self._ask_history()
        self._after(8.0, self._look_back)

    def _ask_history(self) -> None:
        self._history_us = self.now_us
        seen_us = self.now_us
        self._after(self.random.uniform(0.05, 0.2), lambda: self._take_history(seen_us))

    def _take_history(self, seen_us: int) -> None:
        listed = [made for at_us, made in self.exchange.ledger if seen_us - 70 * SECOND < at_us <= seen_us]
        self.book.date(listed)
        missing = missing_from(
            listed, self.book.known, self.book.includes, frozenset({"spot"}), lambda leg: STEPS[leg.currency]
        )
        self._note(self.tracker.take_history(missing, self.utc(self.now_us)))
        if self.tracker.names_unseen or len(missing) > len(self.tracker.named):
            self._after(2.0, self._ask_history)
        if self.tracker.names_unseen:
            self._read()

    def _note(self, changes: list[Moved]) -> None:
        self.findings += [Finding(self.seconds, one) for one in changes]

    # -- what was found ---------------------------------------------------------------------------------------------------

    @property
    def confirmed(self) -> list[Finding]:
        """Each discrepancy as it came to be past doubt, rounding aside."""
        return [
            one
            for one in self.findings
            if one.change.after.state.is_confirmed
            and one.change.after.kind is not Kind.PRECISION
            and not (one.change.before is not None and one.change.before.is_loss)
        ]

    @property
    def candidates(self) -> list[Finding]:
        """Each discrepancy as it came, rounding aside."""
        return [
            one for one in self.findings if one.change.before is None and one.change.after.kind is not Kind.PRECISION
        ]
