"""What an account's actor remembers of its repairs: what is on its way, what a person ordered, how long differences stand."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypeAlias

from reconcile_actors.domain import money
from reconcile_actors.domain.causes import Missing
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, State
from reconcile_actors.domain.recovery import Plan
from reconcile_actors.domain.resolution import Note
from reconcile_actors.kernel.envelope import ReplyTo
from reconcile_actors.messages import ApproveResolution, OverrideResolution, Recorded

ORDERS_MAX: Final = 100
PROPOSED_MAX: Final = 1_000
DAY_US: Final = 86_400_000_000
OUTFLOWS_MAX: Final = 10_000

Ordering: TypeAlias = ApproveResolution | OverrideResolution


@dataclass(slots=True)
class Order:
    """A person's decision that waits until it can be carried out; `number` tells it from others."""

    number: int
    command: Ordering
    reply: ReplyTo
    correlation_id: str | None

    def refuse(self, reason: str) -> None:
        """Says why it is not done."""
        self.reply.send(Recorded(status="refused", reason=reason))


@dataclass(frozen=True, slots=True)
class Flight:
    """A repair that the portfolio actor was asked to post: one at a time. `posted` is what the book gains by it."""

    token: int
    plan: Plan
    attempt: int
    posted: tuple[Missing, ...]
    order: Order | None = None


@dataclass(slots=True)
class Recovery:
    """`shown` holds each open difference and since when it is so (UTC us), `proving` what was posted for a discrepancy that waits
    for its proof. `stale_us` is the read (monotonic us of its receipt) whose decision the book had overtaken."""

    notes: dict[str, Note] = field(default_factory=dict)
    shown: dict[str, tuple[Decimal, int]] = field(default_factory=dict)
    proving: dict[str, tuple[Missing, ...]] = field(default_factory=dict)
    flight: Flight | None = None
    orders: list[Order] = field(default_factory=list)
    proposed: dict[str, None] = field(default_factory=dict)
    stale_us: int | None = None
    last_number: int = 0
    _outflows: list[tuple[int, Decimal]] = field(default_factory=list)

    def note_outflow(self, worth: Decimal, now_at: int) -> None:
        """Unreported withdrawals of this worth (USD) were posted without anybody."""
        if worth:
            self._outflows.append((now_at, worth))

    @property
    def outflow_usd(self) -> Decimal:
        """What they were worth in the last day, as far as this incarnation knows."""
        total = money.ZERO
        for _, worth in self._outflows:
            total = money.ROUNDED.add(total, worth)
        return total

    def follow(self, open_ones: Iterable[BalanceDiscrepancy], now_at: int) -> None:
        """Brings itself up to date with what is open now."""
        known = {one.id: one for one in open_ones}
        self._outflows = [(at, worth) for at, worth in self._outflows[-OUTFLOWS_MAX:] if at > now_at - DAY_US]
        for id_, one in known.items():
            if id_ not in self.shown or self.shown[id_][0] != one.difference:
                self.shown[id_] = one.difference, now_at
            if one.state is State.REPAIRING:
                self.proving.setdefault(id_, ())  # posted by the incarnation before
        self.shown = {id_: one for id_, one in self.shown.items() if id_ in known}
        self.notes = {id_: one for id_, one in self.notes.items() if id_ in known}
        self.proving = {id_: one for id_, one in self.proving.items() if id_ in known}

    def attempt_of(self, ids: Iterable[str]) -> int:
        """Which attempt at these discrepancies the next one is."""
        return 1 + max((self.notes.get(id_, Note()).attempts for id_ in ids), default=0)

    def is_rejected(self, one: BalanceDiscrepancy) -> bool:
        """Whether a person refused to repair just this difference."""
        return self.notes.get(one.id, Note()).rejected == one.difference

    def take_order(self, command: Ordering, reply: ReplyTo, correlation_id: str | None) -> Order | None:
        """Puts an order in line; None where too many wait."""
        if len(self.orders) >= ORDERS_MAX:
            return None
        self.last_number += 1
        order = Order(self.last_number, command, reply, correlation_id)
        self.orders.append(order)
        return order

    def is_news(self, adjustment: str) -> bool:
        """Whether a proposal was not told yet."""
        if adjustment in self.proposed:
            return False
        self.proposed[adjustment] = None
        if len(self.proposed) > PROPOSED_MAX:
            del self.proposed[next(iter(self.proposed))]
        return True
