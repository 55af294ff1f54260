"""The alerts actor on the deterministic host: beside the audit actor on a ledger with an outbox, and with sinks as scripted."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from actor_ledger import FakeLedger
from actor_rig import Rig

from reconcile_actors.actors.alert_protocol import ALERTS, AlertsStatus, DescribeAlerts
from reconcile_actors.actors.alerts import AlertRules, AlertsActor
from reconcile_actors.actors.audit import AuditActor
from reconcile_actors.actors.protocol import AUDIT, SUPERVISOR, Commit
from reconcile_actors.domain.deliveries import Delivery
from reconcile_actors.domain.discrepancy import Severity
from reconcile_actors.domain.ledger import AuditEntry, Committed, OutboxRow, PendingMessage, Refused, UnitOfWork
from reconcile_actors.kernel.deterministic_host import DeterministicHost
from reconcile_actors.messages.views import SinkStatus
from reconcile_actors.messages.wire import to_us
from reconcile_actors.sinks.port import Acknowledged, Notice, Postponed, Result
from reconcile_actors.wiring import OpenGateways, WatchedLedger, supervisor_of

DEAD = Postponed("connection")


class AlertLedger(FakeLedger):
    """With an outbox and what was told of it. `broken` fails every read and every note, `forgetful` the notes alone."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox: dict[int, PendingMessage] = {}
        self.done: list[int] = []
        self.told: dict[tuple[str, str], Delivery] = {}
        self.broken = False
        self.forgetful = False
        self.host: DeterministicHost | None = None

    def _commit_one(self, unit: UnitOfWork) -> Committed | Refused:
        result = super()._commit_one(unit)
        if isinstance(result, Committed):
            assert self.host is not None
            now_at = to_us(self.host.clock.utc())
            for row in unit.outbox:
                number = len(self.outbox) + 1
                self.outbox[number] = PendingMessage(number, row.kind, row.body, now_at)
        return result

    async def outbox_pending(self, kind: str, *, after_id: int, limit: int) -> list[PendingMessage]:
        """As the repository does."""
        self._check()
        rows = [one for one in self.outbox.values() if one.id > after_id and one.id not in self.done]
        return [one for one in rows if one.kind == kind][:limit]

    async def deliveries(self) -> list[Delivery]:
        """As the repository does."""
        self._check()
        return list(self.told.values())

    async def settle_outbox(self, done: Sequence[int], deliveries: Sequence[Delivery], over: Sequence[str]) -> None:
        """As the repository does."""
        self._check()
        if self.forgetful:
            raise OSError
        self.done += done
        self.told = {place: one for place, one in self.told.items() if one.key not in over}
        self.told |= {(one.sink, one.key): one for one in deliveries}

    def _check(self) -> None:
        if self.broken:
            raise OSError

    @property
    def waiting(self) -> list[int]:
        """Ids of rows about which something is still to be said."""
        return [number for number in self.outbox if number not in self.done]


@dataclass
class FakeSink:
    """`script`: a result, an exception to raise or seconds to take, one a try; then `always`."""

    name: str = "first"
    min_severity: Severity = Severity.WARNING
    timeout_seconds: float = 5.0
    always: Result = field(default_factory=Acknowledged)
    script: deque[Result | Exception | float] = field(default_factory=deque)
    tries: list[Notice] = field(default_factory=list)
    told: list[Notice] = field(default_factory=list)

    async def deliver(self, notice: Notice) -> Result:
        """One try."""
        self.tries.append(notice)
        step = self.script.popleft() if self.script else self.always
        if isinstance(step, Exception):
            raise step
        if isinstance(step, float):
            await asyncio.sleep(step)
            step = Acknowledged()
        if isinstance(step, Acknowledged):
            self.told.append(notice)
        return step

    @property
    def said(self) -> list[tuple[str, str]]:
        """Phase and key of what arrived, in order."""
        return [(one.alert.phase.value, one.alert.key) for one in self.told]


class AlertDesk:
    """A process: audit actor and alerts actor. `restarted` is the next one on the same ledger, with the same sinks."""

    def __init__(
        self,
        *sinks: FakeSink,
        ledger: AlertLedger | None = None,
        repeat_seconds: float = 14_400.0,
        lapse_seconds: float = 120.0,
        accounts: Sequence[str] = ("a",),
        seed: int = 3,
    ) -> None:
        self.sinks = sinks or (FakeSink(),)
        self.ledger = ledger or AlertLedger()
        self.options = {"repeat_seconds": repeat_seconds, "lapse_seconds": lapse_seconds, "accounts": accounts}
        self.host = self.ledger.host = DeterministicHost(seed)
        rules = AlertRules("origin", accounts, repeat_seconds, lapse_seconds)
        self.host.spawn(AUDIT, lambda: AuditActor(self.ledger))
        self.host.spawn(ALERTS, lambda: AlertsActor(self.ledger, self.sinks, rules))
        self.host.advance(1.0)

    def restarted(self, *sinks: FakeSink, later_seconds: float = 0.0) -> AlertDesk:
        """A new process, so much later; the former one is not asked to stop, as after a SIGKILL."""
        then = self.host.now + later_seconds
        desk = AlertDesk(*(sinks or self.sinks), ledger=self.ledger, **self.options)  # type: ignore[arg-type] # the same
        desk.host.advance(then)
        return desk

    def commit(self, *rows: OutboxRow) -> None:
        """Alerts, each in a unit of its own, in order."""
        for row in rows:
            self.host.tell(AUDIT, Commit(0, UnitOfWork((AuditEntry("test", "a", {}),), outbox=(row,))))
        self.host.advance(0.5)

    def status(self) -> tuple[SinkStatus, ...]:
        """How the sinks are doing."""
        answer = self.host.request(ALERTS, DescribeAlerts())
        assert isinstance(answer, AlertsStatus)
        return answer.sinks


class AlertRig(Rig):
    """The whole tree, with sinks."""

    sinks: tuple[FakeSink, ...] = ()

    def start(self, *, contact: bool = True) -> AlertRig:
        """Spawns the tree; returns itself."""
        self.sinks = self.sinks or (FakeSink(min_severity=Severity.INFO),)
        assert isinstance(self.ledger, AlertLedger)
        self.ledger.host = self.host
        gateways = OpenGateways({name: world.open for name, world in self.exchanges.items()})
        ledger = WatchedLedger(self.ledger)
        self.host.spawn(
            SUPERVISOR,
            lambda: supervisor_of(
                self.settings, ledger, gateways, standalone=self.standalone, contact=contact, sinks=self.sinks
            ),
        )
        self.host.settle()
        return self
