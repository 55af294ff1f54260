"""A bot trades, forgets, tells late and twice, while the service repairs: at the end the book is the truth, and each event counts once.

Every run is seeded, and the seed stands in the test's id. Virtual time.
"""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal

import pytest
from actor_rig import Rig, settings_of

from reconcile_actors.actors.protocol import reconciliation_role
from reconcile_actors.domain.discrepancy import State
from reconcile_actors.domain.movements import Movement, MovementType, merge
from reconcile_actors.messages import (
    ApproveResolution,
    ExchangeMessage,
    PortfolioAdjusted,
    Recorded,
    RecordFee,
)

SECONDS = 90.0
WAITING = {State.AWAITING_APPROVAL, State.REOPENED}


def _when(due: tuple[float, ExchangeMessage]) -> float:
    return due[0]


class Bot:
    """Trades on one account. What it tells, and when, is drawn; `told` are the ids that were told at all."""

    def __init__(self, seed: int, rate: float) -> None:
        self.random = random.Random(seed)
        settings = settings_of(["a"], 'mode = "recover"')
        self.rig = Rig(seed=seed, settings=settings, armed=True).opened().quiet()
        self.world = self.rig.exchanges["a"]
        self.opening = dict(self.world.holdings)
        self.rate = rate
        self.count = 0
        self.due: list[tuple[float, ExchangeMessage]] = []
        self.secret: list[Movement] = []
        self.answers: Counter[str] = Counter()

    def run(self, seconds: float, *, quiet: bool = False) -> None:
        """Lets that much time pass, event by event."""
        end = self.rig.host.now + seconds
        while self.rig.host.now < end:
            self._wait(min(self.rig.host.now + self.random.expovariate(self.rate), end))
            if not quiet and self.rig.host.now < end:
                self._happen()

    def _wait(self, until: float) -> None:
        while self.due and min(self.due, key=_when)[0] < until:
            self.rig.host.advance(max(0.0, min(self.due, key=_when)[0] - self.rig.host.now))
            self._tell_due()
        self.rig.host.advance(until - self.rig.host.now)

    def _tell_due(self) -> None:
        for due, message in sorted(self.due, key=_when):
            if due <= self.rig.host.now + 1e-6:
                self.due.remove((due, message))
                answer = self.rig.record(message)
                self.answers[answer.status] += 1
                assert answer.status != "refused", answer.reason

    def _happen(self) -> None:
        self.count += 1
        kind = self.random.choices(
            ("fill", "deposit", "withdrawal", "fee", "glitch", "secret"), (20, 1, 1, 1, 0.4, 0.6)
        )[0]
        getattr(self, f"_{kind}")(f"M{self.count}")

    def _tell(self, message: ExchangeMessage, missed: float) -> None:
        now, draw = self.rig.host.now, self.random.random()
        if draw < missed / 2:
            return  # never
        late = self.random.uniform(10, 40) if draw < missed else self.random.uniform(0, 1.8)
        self.due.append((now + late, message))
        if self.random.random() < 0.1:
            self.due.append((now + late + self.random.uniform(0, 5), message))

    def _fill(self, id_: str) -> None:
        side = self.random.choice(("buy", "sell"))
        quantity = f"{self.random.randint(1, 50) / 1000}"
        self.world.fill(id_, side, quantity, "60000", "6")
        self._tell(self.rig.fill_report(id_, side=side, quantity=quantity), 0.06)

    def _transfer(self, id_: str, amount: str) -> None:
        self.world.move(id_, {"USD": amount})
        self._tell(self.rig.transfer(id_, amount), 0.5)

    def _deposit(self, id_: str) -> None:
        self._transfer(id_, str(self.random.randint(1, 3000)))

    def _withdrawal(self, id_: str) -> None:
        self._transfer(id_, str(-self.random.randint(1, 3000)))

    def _fee(self, id_: str) -> None:
        amount = str(-self.random.randint(1, 9))
        self.world.move(id_, {"USD": amount}, MovementType.FEE)
        report = RecordFee(exchange="a", id=id_, currency="USD", amount=amount, occurred_at=self.rig.host.clock.utc())
        self._tell(report, 0.5)

    def _glitch(self, id_: str) -> None:
        assert id_
        self.world.glitch("USD", str(self.random.randint(-9, 9) or 3))

    def _secret(self, id_: str) -> None:
        """Something that history never lists, and the bot tells long after, if at all."""
        amount = str(self.random.choice((-1, 1)) * self.random.randint(1, 8))
        self.world.glitch("USD", amount)
        if self.random.random() < 0.7:
            self.due.append((self.rig.host.now + self.random.uniform(20, 40), self.rig.transfer(id_, amount)))

    def approve_all(self) -> None:
        """A person agrees to everything that waits."""
        for _ in range(5):
            waiting = [one for one in self.rig.ledger.known.values() if one.state in WAITING]
            if not waiting:
                return
            command = ApproveResolution(exchange="a", id=waiting[0].id, actor="alice")
            answer = self.rig.host.request(reconciliation_role("a"), command, timeout_seconds=10)
            assert isinstance(answer, Recorded)
            self.rig.host.advance(12)


RUNS = [(rate, seed) for rate, seeds in ((0.3, 8), (2.0, 8), (10.0, 2)) for seed in range(seeds)]


@pytest.mark.parametrize(("rate", "seed"), RUNS, ids=[f"{rate:g}-a-second-seed-{seed}" for rate, seed in RUNS])
def test_at_the_end_the_book_is_the_truth(rate: float, seed: int) -> None:
    """Nothing is open, the book is what the exchange holds, every event counts once, and suspense is all that has no cause."""
    bot = Bot(seed, rate)
    bot.run(SECONDS)
    bot.run(60, quiet=True)
    bot.approve_all()
    rig = bot.rig
    rig.host.advance(30)
    assert bot.due == []
    open_ones = {one.id: (one.state, one.cause) for one in rig.account().open if one.is_loss}
    assert open_ones == {}
    totals = {name: Decimal(text) for name, text in rig.totals().items()}
    assert totals == bot.world.holdings
    # every event that the exchange lists is in the book, once
    rows = [row.movement for row in rig.ledger.rows["a"]]
    kinds = {MovementType.ADJUSTMENT, MovementType.STATEMENT}
    counted = Counter(one.id for one in rows if one.type not in kinds)
    assert {one.id for one in bot.world.movements} <= counted.keys()
    assert set(counted.values()) <= {1}
    # what has no cause is all in suspense
    moved = merge(*(one.effects for one in rows if one.type not in kinds))
    suspense = {one.leg.currency: one.amount for one in rig.portfolio().suspense}
    for name, total in totals.items():
        explained = sum((amount for leg, amount in moved.items() if leg.currency == name), bot.opening[name])
        assert total - explained == suspense.get(name, Decimal(0)), name


def test_the_model_repairs() -> None:
    """The runs above say something: there are repairs in them, late originals, and things adopted."""
    bot = Bot(1, 2.0)
    bot.run(SECONDS)
    bot.run(60, quiet=True)
    assert bot.answers["duplicate"] > 0
    actions = Counter(one.adjustment.action for one in bot.rig.events(PortfolioAdjusted))
    assert len(actions) == 2


class Honest(Bot):
    """A bot that tells everything in time, but for what a test makes it forget."""

    def _happen(self) -> None:
        self.count += 1
        self._fill(f"M{self.count}")

    def _tell(self, message: ExchangeMessage, missed: float) -> None:
        assert missed
        self.due.append((self.rig.host.now + self.random.uniform(0, 1.8), message))

    def lose(self, loss: str, id_: str) -> None:
        """Something happens that is not told; a glitch is in no history either."""
        match loss:
            case "fill":
                self.world.fill(id_, "buy", "0.033", "60000", "6")
            case "deposit":
                self.world.move(id_, {"USD": "1234"})
            case "glitch":
                self.world.glitch("USD", "-7")


LOSSES = {"fill": {"BTC", "USD"}, "deposit": {"USD"}, "glitch": {"USD"}}
SINGLE = [
    (loss, rate, seed) for loss in LOSSES for rate, seeds in ((1.0, 3), (5.0, 2), (20.0, 1)) for seed in range(seeds)
]


@pytest.mark.parametrize(
    ("loss", "rate", "seed"), SINGLE, ids=[f"{loss}-{rate:g}-a-second-seed-{seed}" for loss, rate, seed in SINGLE]
)
def test_no_false_alarm_and_no_swallow_behind_a_repair(loss: str, rate: float, seed: int) -> None:
    """While the bot trades on: one loss is one repair on its own legs, nothing else is ever found, and the next loss is found too."""
    bot = Honest(seed, rate)
    bot.run(10)
    for count in (1, 2):
        bot.lose(loss, f"L{count}")
        bot.run(25)
        told = {one.adjustment.id for one in bot.rig.events(PortfolioAdjusted)}
        assert len(told) == count
        known = bot.rig.ledger.known.values()
        found = [one for one in known if one.confirmed_at is not None]
        assert {(one.currency, one.episode, one.state) for one in found} == {
            (currency, episode, State.RESOLVED) for currency in LOSSES[loss] for episode in range(1, count + 1)
        }
    bot.run(5, quiet=True)
    assert {name: Decimal(text) for name, text in bot.rig.totals().items()} == bot.world.holdings
