"""The whole tree in a storm: crashes, delays, duplicates and refusals at random. No finding is lost, none is invented (seeded)."""

from __future__ import annotations

import random
from concurrent.futures import Future
from decimal import Decimal

import pytest
from actor_exchange import failure
from actor_rig import Rig, settings_of

from reconcile_actors.actors.protocol import AUDIT, PORTFOLIO, Commit, GetWindow, WindowIs, reconciliation_role
from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.exchanges.port import FailureClass
from reconcile_actors.kernel.errors import KernelError
from reconcile_actors.messages import DiscrepancyConfirmed, ReconcileNow, Recorded, RecordFill
from reconcile_actors.messages.records import AnyRecord

NAMES = ("a", "b")
CURRENCIES = ("BTC", "USD")
ASK_SECONDS = 20.0
MEMORY_SECONDS = 30.0  # a finding speaks of what was true at most this long before


class Storm:
    """Does what the seed says, and keeps the truth to judge by."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.rig = Rig(*NAMES, seed=seed, settings=settings_of(NAMES, "interval_seconds = 30")).opened().quiet()
        self.number = 0
        self.reports: list[RecordFill] = []
        self.asks: list[tuple[float, Future[object], AnyRecord | None]] = []
        self.last_wrong: dict[tuple[str, str], float] = {}
        """When a currency of an account last truly differed, or an id was last truly missing."""
        self.judged = 0
        self.trouble = 0

    def difference(self, name: str, currency: str) -> Decimal:
        """The truth: what the exchange has and the durable book has not."""
        book = sum(
            (
                amount
                for row in self.rig.ledger.rows[name]
                for leg, amount in row.movement.effects.items()
                if leg.currency == currency
            ),
            Decimal(0),
        )
        return self.rig.exchanges[name].holdings[currency] - book

    # --- what may happen

    def trade(self) -> None:
        name = self.draw.choice(NAMES)
        self.number += 1
        fate = self.draw.random()
        report = self.rig.fill(
            f"T{self.number}", name=name, side=self.draw.choice(["buy", "sell"]), quantity="0.01", told=False
        )
        self.reports.append(report)
        if fate < 0.75:
            self.send(report)

    def send(self, report: RecordFill) -> None:
        future = self.rig.host.ask(PORTFOLIO, report, timeout_seconds=ASK_SECONDS)
        self.asks.append((self.rig.host.now, future, report))

    def report_again(self) -> None:
        if self.reports:
            self.send(self.draw.choice(self.reports))

    def glitch(self) -> None:
        self.rig.exchanges[self.draw.choice(NAMES)].glitch(
            self.draw.choice(CURRENCIES), self.draw.choice(["0.5", "-0.25"])
        )

    def disturb_the_exchange(self) -> None:
        world = self.rig.exchanges[self.draw.choice(NAMES)]
        trouble = [
            UnknownReason.BAD_SHAPE,
            failure(FailureClass.TRANSIENT),
            failure(FailureClass.RATE_LIMIT, retry_after=3),
            ZeroDivisionError(),
            self.draw.uniform(0.1, 4.0),
        ]
        world.script.extend(self.draw.choice(trouble) for _ in range(self.draw.randint(1, 3)))
        if self.draw.random() < 0.3:
            world.history_script.append(self.draw.choice([failure(FailureClass.TRANSIENT), ZeroDivisionError(), 3.0]))

    def disturb_the_store(self) -> None:
        ledger = self.rig.ledger
        match self.draw.randrange(4):
            case 0:
                self.trouble = self.draw.randint(1, 6)
                ledger.refuse = self.refuse
            case 1:
                ledger.script.append(OSError())
            case 2:
                ledger.script.append(self.draw.uniform(0.1, 3.0))
            case _:
                ledger.load_script.append(OSError())

    def refuse(self, _unit: object) -> str | None:
        self.trouble -= 1
        return self.draw.choice(["store_full", "store_locked"]) if self.trouble >= 0 else None

    def crash(self) -> None:
        role, kind = self.draw.choice(
            [(AUDIT, Commit), (PORTFOLIO, GetWindow), *((reconciliation_role(name), WindowIs) for name in NAMES)]
        )
        self.rig.host.tell(role, object.__new__(kind))

    def ask_for_a_pass(self) -> None:
        name = self.draw.choice(NAMES)
        command = ReconcileNow(exchange=name)
        future = self.rig.host.ask(reconciliation_role(name), command, timeout_seconds=ASK_SECONDS)
        self.asks.append((self.rig.host.now, future, None))

    # --- what must hold

    def advance(self, seconds: float) -> None:
        """In small steps, so that the truth of every moment is known."""
        for _ in range(max(1, int(seconds / 0.25))):
            self.rig.host.advance(0.25)
            self.check()

    def check(self) -> None:
        now = self.rig.host.now
        for name in NAMES:
            for currency in CURRENCIES:
                if self.difference(name, currency):
                    self.last_wrong[name, currency] = now
            booked = {row.movement.id for row in self.rig.ledger.rows[name]}
            for movement in self.rig.exchanges[name].movements:
                if movement.id is not None and movement.id not in booked:
                    self.last_wrong[name, movement.id] = now
        confirmed = self.rig.events(DiscrepancyConfirmed)
        for event in confirmed[self.judged :]:
            one = event.discrepancy
            what = one.evidence if one.field is Field.MOVEMENT else (one.currency,)
            wrong_at = max(self.last_wrong.get((one.exchange, each), -1e9) for each in what)
            assert now - wrong_at <= MEMORY_SECONDS, f"invented: {one.id} at {now}"
        self.judged = len(confirmed)
        for asked_at, future, _ in self.asks:
            assert future.done() or now <= asked_at + ASK_SECONDS + 0.25, "a request without an answer"

    def calm(self) -> None:
        """All troubles end."""
        ledger = self.rig.ledger
        ledger.refuse = lambda _unit: None
        for script in (ledger.script, ledger.load_script, ledger.find_script):
            script.clear()
        for world in self.rig.exchanges.values():
            world.script.clear()
            world.history_script.clear()
        for name in NAMES:
            self.rig.resume(name)


@pytest.mark.parametrize("seed", range(24))
def test_no_finding_is_lost_or_invented_in_a_storm(seed: int) -> None:
    """Afterwards exactly what truly differs is open, with its exact difference; every request had one reply or its deadline."""
    storm = Storm(seed)
    actions = [storm.trade] * 8 + [
        storm.report_again,
        storm.glitch,
        storm.disturb_the_exchange,
        storm.disturb_the_store,
        storm.crash,
        storm.ask_for_a_pass,
    ]
    for _ in range(40):
        storm.draw.choice(actions)()
        storm.advance(storm.draw.expovariate(0.8))
    storm.advance(70)  # long enough for parked and broken-off actors to be found so
    storm.calm()
    storm.advance(90)
    for name in NAMES:
        truth = {one: diff for one in CURRENCIES if (diff := storm.difference(name, one))}
        found = {
            one.currency: one.difference
            for one in storm.rig.account(name).open
            if one.field is Field.TOTAL and one.state.is_confirmed
        }
        assert found == truth, name
        assert storm.rig.account(name).reason is None
        stored = {one.id for one in storm.rig.ledger.known.values() if one.exchange == name and one.state.is_open}
        assert stored == {one.id for one in storm.rig.account(name).open}
        assert f"{storm.rig.exchanges[name].holdings['BTC'] - truth.get('BTC', 0):f}" == storm.rig.totals(name)["BTC"]
    for _, future, report in storm.asks:
        assert future.done()
        if future.exception() is not None:
            assert isinstance(future.exception(), KernelError)
        elif report is not None:
            answer = future.result()
            assert isinstance(answer, Recorded)
            ids = [row.movement.id for row in storm.rig.ledger.rows[report.exchange]]
            assert ids.count(report.id) == 1 or (answer.status == "refused" and ids.count(report.id) == 0)
    assert storm.rig.host.stop() == ()
