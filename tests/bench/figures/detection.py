"""How long until what went wrong is told: many accounts at once, each with a trading process at work, one fault in each."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from reconcile_actors import ReconciliationSystem
from reconcile_actors.messages import DiscrepancyConfirmed, ExchangeMessage
from reconcile_actors.messages.wire import message_of
from reconcile_actors.simulation.kraken import READ_ONLY, SimulatedKraken, Tier
from reconcile_actors.simulation.trader import Trader
from tests.bench.figure import Bound, Figure, Line, Size, Spread, Target
from tests.bench.service import make_settings
from tests.bench.trial import Kind, Trial

_HOLDINGS = {"XXBT": "2.5", "XETH": "40", "ZUSD": "250000", "USDT": "50000"}
_SEED = 20
_STEP_SECONDS = 0.1
_PATIENCE_SECONDS = 30.0
_WITHIN_SECONDS = 4.0  # over which the faults are spread, two polls of the highest tier


def measure(size: Size, directory: Path) -> Sequence[Line]:
    """See the figure."""
    trials = asyncio.run(_run(size.pick(10, 1), size, directory))
    lines = []
    for kind in Kind:
        seconds = [trial.seconds() for trial in trials if trial.kind is kind]
        spread = Spread.of([_PATIENCE_SECONDS if one is None else one for one in seconds])
        lines.append(Line(f"{kind.value}, until told", "s", spread, target=Target(Bound.HIGHEST_BELOW, 5)))
    none = Target(Bound.VALUE_BELOW, 0)
    note = f"{len(trials)} accounts in one system, two actions a second each, limits of the highest tier, seed {_SEED}"
    missed = Spread.of([sum(trial.seconds() is None for trial in trials)])
    lines.append(Line(f"not told within {_PATIENCE_SECONDS:g} s", "", missed, target=none, note=note))
    false_alarms = Spread.of([sum(trial.false_alarms() for trial in trials)])
    lines.append(Line("false alarms", "", false_alarms, target=none, note=note))
    return lines


async def _run(each: int, size: Size, directory: Path) -> list[Trial]:
    chance = random.Random(_SEED)
    async with SimulatedKraken(seed=_SEED, tier=Tier.PRO, permissions=READ_ONLY) as kraken:
        trials = [_trial(kraken, place, kind) for place, kind in enumerate(list(Kind) * each)]
        keys = {user.name: (user.keys.api_key, user.keys.secret) for user in kraken._users.values()}
        del keys[kraken.user.name]
        lag = size.pick("", "local_lag_seconds = 0.2")
        settings = make_settings(directory, kraken.base_url, keys, lag, more="[valuation]\ntickers = true")
        async with ReconciliationSystem.open(settings) as system:
            listening = asyncio.create_task(_listen(system, {trial.name: trial for trial in trials}))
            openings = [message_of(trial.trader.opening()) for trial in trials]
            await asyncio.gather(*(system.record(one) for one in openings if isinstance(one, ExchangeMessage)))
            await _trade(system, trials, lambda: system.readiness()["first_comparison"], _PATIENCE_SECONDS)
            await _trade(system, trials, lambda: False, size.pick(3.0, 0.0))
            for trial in trials:
                trial.due = time.time() + chance.uniform(0, size.pick(_WITHIN_SECONDS, 0.0))
            await _trade(system, trials, lambda: all(one.seconds() is not None for one in trials), _PATIENCE_SECONDS)
            await _trade(system, trials, lambda: False, size.pick(5.0, 0.0))  # for a false alarm to show itself
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    return trials


def _trial(kraken: SimulatedKraken, place: int, kind: Kind) -> Trial:
    user = kraken.add_account(f"a{place}", permissions=READ_ONLY)
    for asset, amount in _HOLDINGS.items():
        user.account.deposit(asset, Decimal(amount))
    trader = Trader(
        user.account,
        kraken.market,
        exchange=user.name,
        seed=_SEED + place,
        actions_per_second=2.0,
        moves_funds=False,
        drives_market=place == 0,
    )
    return Trial(user.name, kind, trader, kraken)


async def _trade(
    system: ReconciliationSystem, trials: Sequence[Trial], reached: Callable[[], bool], seconds: float
) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not reached():
        messages = [message_of(report) for trial in trials for report in trial.step(time.time())]
        answers = await asyncio.gather(*(system.record(one) for one in messages if isinstance(one, ExchangeMessage)))
        assert all(answer.status == "recorded" for answer in answers), "the trading process reports rightly"
        await asyncio.sleep(_STEP_SECONDS)


async def _listen(system: ReconciliationSystem, trials: dict[str, Trial]) -> None:
    async for event in system.events(DiscrepancyConfirmed):
        if isinstance(event, DiscrepancyConfirmed):
            trials[event.discrepancy.exchange].found.append((time.time(), event.discrepancy))


FIGURE = Figure("detection", "from the fault to the alarm", measure)
