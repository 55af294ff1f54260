"""Short ways to domain values for tests: a book that is opened, what happens to it, and what the exchange answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from reconcile_actors.domain.balances import Balance, Field, Leg, Position
from reconcile_actors.domain.book import Book, Recording
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.causes import missing_from
from reconcile_actors.domain.changes import Change, OrderClosed, OrderOpened, Record, Stated, Statement
from reconcile_actors.domain.movements import Movement, MovementType, fill_effects
from reconcile_actors.domain.register import Change as Moved
from reconcile_actors.domain.register import Register
from reconcile_actors.domain.snapshot import Bracket, Snapshot
from reconcile_actors.domain.tracking import Declared, Tracker
from reconcile_actors.domain.valuation import Price

ACCOUNT = "sim"
BOOT_US = 1_000_000_000
EPOCH_AT = 1_800_000_000_000_000
BTC, USD = Leg("spot", "BTC", Field.TOTAL), Leg("spot", "USD", Field.TOTAL)
PRICES = {"BTC": Price(Decimal(60000), "static"), "USD": Price(Decimal(1), "static")}


def us(seconds: float) -> int:
    """A monotonic instant."""
    return BOOT_US + round(seconds * 1_000_000)


def at(seconds: float) -> int:
    """The same instant as UTC, a little off the full second so that it is no coarse time."""
    return EPOCH_AT + round(seconds * 1_000_000) + 7


def amounts(values: Mapping[str, str]) -> dict[str, Decimal]:
    """Texts as amounts."""
    return {name: Decimal(value) for name, value in values.items()}


def transfer(id_: str | None, amount: str, happened: float | None = None, currency: str = "USD") -> Record:
    """A deposit or withdrawal that happened at a time, or at one not told."""
    own = None if happened is None else at(happened)
    effects = {Leg("spot", currency, Field.TOTAL): Decimal(amount)}
    return Record(Movement(ACCOUNT, "spot", MovementType.TRANSFER, id_, effects, currency, occurred_at=own))


def fee(id_: str, amount: str, happened: float | None = None, currency: str = "USD") -> Record:
    """A fee booked by itself."""
    return Record(replace(transfer(id_, amount, happened, currency).movement, type=MovementType.FEE))


def fill(
    id_: str,
    side: str = "buy",
    quantity: str = "0.1",
    price: str = "60000",
    happened: float | None = None,
    *,
    order_id: str | None = None,
    fee: str | None = None,
    fee_currency: str = "USD",
    symbol: str = "BTC/USD",
) -> Record:
    """A fill of an order."""
    effects = fill_effects(
        "spot",
        symbol,
        side,
        Decimal(quantity),
        Decimal(price),
        fee_currency=None if fee is None else fee_currency,
        fee=None if fee is None else Decimal(fee),
    )
    own = None if happened is None else at(happened)
    movement = Movement(ACCOUNT, "spot", MovementType.FILL, id_, effects, symbol, order_id, side, own)
    return Record(movement, Decimal(quantity))


def opened(
    order_id: str, currency: str = "USD", quantity: str = "1", unit: str = "100", happened: float | None = None
) -> OrderOpened:
    """An order that locks quantity x unit; of USD it is a buy."""
    own = None if happened is None else at(happened)
    return OrderOpened("spot", order_id, currency, Decimal(quantity), Decimal(unit), currency == "USD", own)


def closed(order_id: str, happened: float | None = None) -> OrderClosed:
    """An order that is gone."""
    return OrderClosed("spot", order_id, None if happened is None else at(happened))


def statement(
    version: int | None,
    totals: Mapping[str, str],
    locked: Mapping[str, str] | None = None,
    *,
    wallet: str = "spot",
    as_of: float = -90.0,
    through: float | None = None,
    borrowed: Mapping[str, str] | None = None,
) -> Statement:
    """A whole wallet; a lock or debt that is not given is not stated."""
    locks, debts = amounts(locked or {}), amounts(borrowed or {})
    stated = {name: Stated(one, locks.get(name), debts.get(name)) for name, one in amounts(totals).items()}
    reach = None if through is None else at(through)
    return Statement(wallet, version, at(as_of), balances=stated, includes_through=reach)


def positions(version: int | None, quantities: Mapping[str, str], *, through: float | None = None) -> Statement:
    """Every position of the wallet."""
    reach = None if through is None else at(through)
    return Statement("spot", version, at(-90), positions=amounts(quantities), includes_through=reach)


def bracket(requested: float, trip: float = 0.1) -> Bracket:
    """A read that took so long."""
    return Bracket(us(requested), us(requested + trip), at(requested), at(requested + trip))


def snapshot(
    requested: float,
    totals: Mapping[str, str],
    locked: Mapping[str, str] | None = None,
    *,
    trip: float = 0.1,
    connection: int = 0,
    steps: Mapping[str, str] | None = None,
    positions: Mapping[str, str] | None = None,
    borrowed: Mapping[str, str] | None = None,
) -> Snapshot:
    """What an exchange answers; a lock or debt that is not given is not stated."""
    locks, debts = amounts(locked or {}), amounts(borrowed or {})
    rows = {
        ("spot", name): Balance(name, total, locked=locks.get(name), borrowed=debts.get(name))
        for name, total in amounts(totals).items()
    }
    held = {("spot", symbol): Position(symbol, quantity) for symbol, quantity in amounts(positions or {}).items()}
    digest = repr((sorted(totals.items()), sorted((locked or {}).items()), sorted((positions or {}).items())))
    return Snapshot(
        exchange=ACCOUNT,
        group="spot",
        bracket=bracket(requested, trip),
        balances=rows,
        positions=held,
        digest=digest,
        raw_digest=digest,
        steps=amounts(steps or {}),
        connection=connection,
    )


class Desk:
    """A book that was opened long ago, and the tracker that judges reads against it. Times are seconds."""

    def __init__(
        self,
        totals: Mapping[str, str] | None = None,
        locked: Mapping[str, str] | None = None,
        *,
        bounds: Bounds | None = None,
        authoritative: frozenset[Field] = frozenset(Field),
        fee_reserve: str = "0.01",
    ) -> None:
        self.book = Book(ACCOUNT, ("spot",))
        self.register = Register(ACCOUNT, Decimal(10), prices=dict(PRICES))
        declared = Declared(authoritative, Decimal(fee_reserve))
        self.tracker = Tracker(self.register, bounds or Bounds(), declared)
        self.changes: list[Moved] = []
        self.started_us = us(-90)
        self.book.first_message_us = us(-90)
        self.tell(statement(1, totals or {"BTC": "2", "USD": "10000"}, locked), -90)

    def tell(self, change: Change, told: float) -> object:
        """What the trading process reports, and when."""
        proposal = self.book.propose(change, at(told))
        if isinstance(proposal, Recording):
            self.book.apply(proposal, us(told))
        return proposal

    def judge(self, answer: Snapshot, *, settled: bool, judged: float | None = None) -> list[Moved]:
        """One read, at once or when it is settled; what it changed."""
        window = self.book.window()
        self.tracker.settles_at_us(answer.bracket, window, self.started_us)
        now = None if judged is None else at(judged)
        self.done, changes = self.tracker.judge(window, answer, settled=settled, now_at=now)
        self.tracker.remember(answer)
        self.changes += changes
        return changes

    def look(self, requested: float, totals: Mapping[str, str], **other: object) -> list[Moved]:
        """A read that is judged at once."""
        return self.judge(snapshot(requested, totals, **other), settled=False)  # type: ignore[arg-type]

    def settle(self, requested: float, totals: Mapping[str, str], **other: object) -> list[Moved]:
        """A read that is judged once nothing can be late any more."""
        return self.judge(snapshot(requested, totals, **other), settled=True)  # type: ignore[arg-type]

    def history(self, asked: float, *listed: Record) -> list[Moved]:
        """What the exchange's history lists, and what the tracker makes of it."""
        missing = missing_from(
            [one.movement for one in listed],
            self.book.known,
            self.book.includes,
            frozenset({"spot"}),
            lambda leg: Decimal(0),
        )
        changes = self.tracker.take_history(missing, at(asked))
        self.changes += changes
        return changes

    @property
    def open(self) -> dict[str, str]:
        """What is open, as `currency.field` with state and difference."""
        return {f"{one.currency}.{one.field}": f"{one.state} {one.difference:f}" for one in self.register.all_open()}
