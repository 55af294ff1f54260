"""What the rooms of one reconciliation actor share: the account, what is open, and how to reach the others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from reconcile_actors.actors.account import Account
from reconcile_actors.actors.journal import Journal
from reconcile_actors.actors.judging import Judging
from reconcile_actors.actors.passes import Pass
from reconcile_actors.actors.protocol import PORTFOLIO, AccountState, GetWindow, WindowIs
from reconcile_actors.actors.watch_fold import WatchFold
from reconcile_actors.domain.balances import Leg
from reconcile_actors.domain.movements import Movement
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.domain.window import BookWindow
from reconcile_actors.exchanges.port import ExchangeGateway
from reconcile_actors.kernel.behaviour import Context, Timer
from reconcile_actors.kernel.signals import Healthy, Unhealthy
from reconcile_actors.messages.wire import to_us

WindowHandler = Callable[[BookWindow], None]


@dataclass(slots=True)
class Desk:
    """The state of one incarnation. `quiet`: the breaker is not closed. `current`: the pass in progress.

    `evidence` holds what history names by its key, in the exchange's full words, and `suspended` up to when (UTC us) legs hold
    everything because something was adopted into them. `repairing`: a repair is on its way, so a pass waits for it.
    """

    account: Account
    journal: Journal
    started_us: int = 0
    gateway: ExchangeGateway | None = None
    judging: Judging | None = None
    current: Pass | None = None
    reason: UnknownReason | None = UnknownReason.NOT_READ
    opening_at: int | None = None
    steps: Mapping[str, Decimal] = field(default_factory=dict)
    paused: bool = False
    quiet: bool = False
    healthy: bool = False
    ending: bool = False
    last_read_at: int | None = None
    last_pass_at: int | None = None
    fold: WatchFold = field(default_factory=WatchFold)
    last_doubt: tuple[str, int] | None = None
    evidenced: frozenset[str] = frozenset()
    evidence: dict[str, Movement] = field(default_factory=dict)
    suspended: Mapping[Leg, int] = field(default_factory=dict)
    repairing: bool = False
    pricing: bool = False
    priced: float = -1e9
    _windows: dict[int, tuple[WindowHandler, tuple[Movement, ...]]] = field(default_factory=dict)
    _last_token: int = 0
    _timers: dict[type, Timer] = field(default_factory=dict)
    _due: dict[type, float] = field(default_factory=dict)

    def later(self, context: Context, delay_seconds: float, tick: object) -> None:
        """One timer a kind: a new one replaces the old."""
        old = self._timers.pop(type(tick), None)
        if old is not None:
            old.cancel()
        self._timers[type(tick)] = context.schedule(max(0.0, delay_seconds), tick)
        self._due[type(tick)] = context.monotonic() + delay_seconds

    def no_later(self, context: Context, delay_seconds: float, tick: object) -> None:
        """As `later`, unless one of its kind is to come before that anyway."""
        due, now = self._due.get(type(tick), 0.0), context.monotonic()
        if due <= now or now + delay_seconds < due:
            self.later(context, delay_seconds, tick)

    @property
    def in_doubt(self) -> bool:
        """Whether a difference waits for another read, or a repair for its proof."""
        if self.judging is None:
            return False
        tracker = self.judging.tracker
        return self.judging.in_doubt or tracker.names_unseen or tracker.register.is_repairing

    @property
    def within_us(self) -> int:
        """How far the own times of one movement may differ, L + R, as the trading process and the exchange tell them."""
        if self.judging is None:
            return 0
        bounds = self.judging.tracker.bounds
        return bounds.local_lag_us + bounds.exchange_lag_us

    def next_token(self) -> int:
        """A number for a question, which its answer repeats."""
        self._last_token += 1
        return self._last_token

    def ask_window(self, context: Context, handle: WindowHandler) -> None:
        """Asks for the book at rest; `handle` is called with it."""
        token = self.next_token()
        named = tuple(one.movement for one in self.judging.tracker.named) if self.judging is not None else ()
        if context.tell(PORTFOLIO, GetWindow(self.account.name, token, named, self.steps, self.within_us)):
            self._windows[token] = (
                handle,
                named,
            )  # else the portfolio actor is being restarted: the next read asks again

    def answered(self, answer: WindowIs) -> tuple[WindowHandler, tuple[Movement, ...]] | None:
        """Who waits for a book that came, and what was asked along with it."""
        asked = self._windows.pop(answer.token, None)
        if asked is not None:
            self.opening_at = answer.window.since_at
            self.suspended = answer.window.suspended
        return asked

    def to_parent(self, context: Context, signal: Healthy | Unhealthy) -> None:
        """Reports to the supervisor."""
        if context.parent is not None:
            context.tell(context.parent, signal)

    def set_reason(self, reason: UnknownReason) -> None:
        """The account is unknown from now on, until a read is decided."""
        self.reason = reason
        if self.judging is not None:
            self.judging.tracker.reason = reason

    def current_reason(self, context: Context) -> UnknownReason | None:
        """Why the account is unknown now, if it is: also when no read was decided for too long."""
        if self.reason is not None or self.judging is None or not self.account.watch:
            return self.reason
        decided_us = self.judging.tracker.last_decided_us or self.started_us
        late = us(context) - decided_us > self.account.undecided_us
        return UnknownReason.UNDECIDED if late else None

    def state(self, context: Context, halts: tuple[str, ...] = ()) -> AccountState:
        """How the account is doing."""
        tracker = self.judging.tracker if self.judging is not None else None
        return AccountState(
            exchange=self.account.name,
            open=tracker.register.all_open() if tracker is not None else (),
            reason=self.current_reason(context),
            paused=self.paused,
            last_read_at=self.last_read_at,
            last_decided_us=tracker.last_decided_us if tracker is not None else None,
            last_pass_at=self.last_pass_at,
            facts=self.gateway.facts if self.gateway is not None else None,
            now_us=us(context),
            now_at=at(context),
            halts=halts,
        )


def us(context: Context) -> int:
    """Now, in monotonic microseconds."""
    return int(context.monotonic() * 1_000_000)


def at(context: Context) -> int:
    """Now, in UTC microseconds."""
    return to_us(context.utc())


def correlation_of(context: Context) -> str | None:
    """The correlation id of the message in hand."""
    return context.envelope.correlation_id if context.envelope is not None else None
