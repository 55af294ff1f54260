"""A bot and its exchange in virtual time: no false alarm while it trades honestly, and nothing that is really missing is missed.

Every run is seeded, and the seed stands in the test's id. Seconds are virtual: they count from the loss to its confirmation.
The bounds asserted here are those of docs/comparison.md.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Final

import pytest

from reconcile_actors.domain.bounds import Bounds
from tests.unit.domain.domain_world import Habits, World

LOST_AT: Final = 6.0
LATEST: Final = 60.0

# How long a run is (virtual seconds) and how many seeds it has, by fills a second: fast bots cost most to compare.
HONEST: Final = {1.0: (60.0, 6), 5.0: (40.0, 6), 50.0: (10.0, 2), 200.0: (6.0, 1)}
HABITS: Final = {
    "plain": Habits(),
    "no-own-times": Habits(own_times=False),
    "fixed-lot-maker": Habits(maker=True, rounding=False),
    "orders": Habits(orders=True),
    "fee-in-a-third-currency": Habits(fee_currency="BNB"),
    "fees-told-apart": Habits(separate_fees=True),
    "old-answers-and-skewed-clocks": Habits(staleness=0.9, skew=0.3),
    "often-late-and-twice": Habits(duplicates=0.5, typical_lateness=0.6),
    "times-in-milliseconds": Habits(tick_us=1000),
}


def honest_runs() -> list[object]:
    """Every habit at every speed."""
    return [
        pytest.param(rate, name, seed, id=f"{name}-{rate:g}-a-second-seed-{seed}")
        for rate, (_, seeds) in HONEST.items()
        for name in HABITS
        for seed in range(seeds)
    ]


@pytest.mark.parametrize(("rate", "name", "seed"), honest_runs())
def test_an_honest_bot_raises_no_alarm(rate: float, name: str, seed: int) -> None:
    """Late by up to 1.9 s, out of order and twice: nothing is ever confirmed, and the account keeps being matched."""
    seconds, _ = HONEST[rate]
    world = World(seed, replace(HABITS[name], rate=rate)).run(seconds)
    assert [one.change.after.id for one in world.confirmed] == []
    assert world.tracker.reason is None
    assert world.tracker.last_match is not None
    # a read that waited for late reports, two polls, and the way there and back
    assert world.now_us - world.tracker.last_match.received_us < 8_000_000


def test_the_model_can_raise_a_false_alarm() -> None:
    """With a bound on lateness that the bot does not keep there are alarms: that there are none otherwise says something."""
    careless = Habits(rate=5.0, typical_lateness=0.6)
    worlds = [World(seed, careless, Bounds(local_lag_us=100_000)).run(40) for seed in range(6)]
    assert any(one.confirmed for one in worlds)


# -- what is really missing --------------------------------------------------------------------------------------------


class Loss:
    """Something goes wrong in a world; `began` is when (virtual seconds), None as long as it has not."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.began: float | None = None

    def begin(self) -> bool:
        """Marks the first time; tells whether it was."""
        if self.began is not None or self.world.seconds < LOST_AT:
            return False
        self.began = self.world.seconds
        return True

    def forget_fill(self) -> None:
        """The bot forgets one fill."""
        self.world.drop = lambda kind, number: kind == "fill" and self.begin()

    def forget_fee(self) -> None:
        """The bot forgets one fee that is more than all that rounding may add up to."""
        self.world.drop = lambda kind, number: kind == "fee" and self.fee_of(number) > 1 and self.begin()

    def fee_of(self, number: int) -> Decimal:
        """About what the exchange took for the fill that happened last: a thousandth of what was paid."""
        made = self.world.exchange.ledger[-1][1]
        assert made.id == f"T{number}"
        amount = next(amount for leg, amount in made.effects.items() if leg.currency == "USD")
        return abs(amount) / 1000

    def forget_fees(self) -> None:
        """The bot forgets every fee from now on: a loss that grows with each fill."""

        def drop(kind: str, number: int) -> bool:
            assert number
            self.begin()
            return kind == "fee" and self.began is not None

        self.world.drop = drop

    def at_once(self, action: Callable[[], object]) -> None:
        """Something happens at the exchange."""

        def act() -> None:
            assert self.begin()
            action()

        self.world.at(LOST_AT, act)

    def forget_deposit(self) -> None:
        """Somebody pays in, and the bot knows nothing of it."""
        self.at_once(lambda: self.world.transfer(Decimal(1234), told=False))

    def withdraw(self) -> None:
        """Somebody takes out what neither the bot nor history tells."""
        self.at_once(lambda: self.world.transfer(Decimal(-777), told=False, listed=False))

    def glitch(self) -> None:
        """The exchange shows more than there is reason for."""
        self.at_once(lambda: self.world.exchange.change(self.world.now_us, {"BTC": Decimal("0.37")}))

    def seconds_until_found(self) -> float:
        """Runs on until it is past doubt. What was confirmed before it happened would be a false alarm."""
        seconds = LOST_AT
        while not self.world.confirmed and seconds < LATEST:
            seconds += 0.5
            self.world.run(seconds)
        assert self.began is not None, "the loss never happened"
        assert self.world.confirmed, f"not found within {LATEST} virtual seconds"
        found = self.world.confirmed[0].seconds
        assert found >= self.began, "an alarm before the loss"
        return found - self.began


# Which loss: what it does, the currencies that it touches, and within how many virtual seconds it is past doubt
# where the exchange's history helps and where there is none.
LOSSES: Final = {
    "missed-fill": (Loss.forget_fill, {"BTC", "USD"}, 5.0, 7.0),
    "missed-fee": (Loss.forget_fee, {"USD"}, 5.0, 7.0),
    "missed-deposit": (Loss.forget_deposit, {"USD"}, 5.0, 5.0),
    "glitch": (Loss.glitch, {"BTC"}, 5.0, 5.0),
    "untold-withdrawal": (Loss.withdraw, {"USD"}, 5.0, 5.0),
    "every-fee-missed": (Loss.forget_fees, {"USD"}, 8.0, 10.0),
}
SEEDS: Final = {1.0: 10, 5.0: 10, 50.0: 2, 200.0: 1}
LATE: Final = {5.0: 10, 50.0: 3}


def losses() -> list[object]:
    """Every loss at every speed, with history and without."""
    return [
        pytest.param(
            name,
            rate,
            history,
            seed,
            id=f"{name}-{rate:g}-a-second-{'history' if history else 'reads-alone'}-seed-{seed}",
        )
        for name in LOSSES
        for rate, seeds in SEEDS.items()
        for history in (True, False)
        for seed in range(seeds)
    ]


@pytest.mark.parametrize(("name", "rate", "history", "seed"), losses())
def test_what_is_missing_is_found_in_time(name: str, rate: float, *, history: bool, seed: int) -> None:
    """However fast the bot trades on: within the documented seconds, on the right currency, and as the only one."""
    cause, currencies, with_history, without = LOSSES[name]
    habits = Habits(rate=rate, separate_fees="fee" in name)
    world = World(seed, habits, history=history)
    loss = Loss(world)
    cause(loss)
    seconds = loss.seconds_until_found()
    assert seconds < (with_history if history else without)
    assert {one.change.after.currency for one in world.confirmed} <= currencies


@pytest.mark.parametrize(("rate", "seed"), [(rate, seed) for rate, seeds in LATE.items() for seed in range(seeds)])
def test_a_report_that_comes_after_all_repairs_it(rate: float, seed: int) -> None:
    """A fill told 12 s late, outside L, is a discrepancy meanwhile, and resolved once it is told; nothing else is ever found."""
    world = World(seed, Habits(rate=rate))
    late: list[int] = []

    def delay(kind: str, number: int) -> float | None:
        if kind == "fill" and world.seconds >= LOST_AT and not late:
            late.append(number)
        return 12.0 if number in late and kind == "fill" else None

    world.delay = delay
    world.run(LOST_AT + 10)
    assert {one.change.after.currency for one in world.confirmed} <= {"BTC", "USD"}
    assert world.confirmed
    world.run(LOST_AT + 30)
    assert [one for one in world.tracker.register.all_open() if one.is_loss] == []
    assert world.tracker.reason is None
