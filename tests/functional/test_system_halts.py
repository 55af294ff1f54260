"""An embedding program that is asked to stop trading: it acknowledges, a person releases, and both survive a restart."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from reconcile_actors import ReconciliationSystem
from reconcile_actors.domain.halt import TradingHalt
from reconcile_actors.errors import UsageError
from reconcile_actors.messages import (
    AcknowledgeHalt,
    GetHalts,
    GetStatus,
    Recorded,
    ReleaseHalt,
    TradingHaltReleased,
    TradingHaltRequested,
)
from reconcile_actors.messages.views import StatusView
from reconcile_actors.simulation.kraken import SimulatedKraken
from tests.functional.system_desk import PATIENCE_SECONDS, QUICK, listening, opening, stock, write_settings

FIRST = "main:halt:spot:USD:total:1"


@pytest.fixture
def kraken() -> Iterator[SimulatedKraken]:
    with SimulatedKraken.start_in_thread(seed=41, tier=None) as exchange:
        yield exchange


async def halts(system: ReconciliationSystem) -> list[str]:
    """The ids of those that stand, asked for in both ways."""
    found = await system.ask(GetHalts(exchange="main"), timeout=PATIENCE_SECONDS)
    assert isinstance(found, tuple)
    status = await system.ask(GetStatus(), timeout=PATIENCE_SECONDS)
    assert isinstance(status, StatusView)
    assert [one.id for one in found if isinstance(one, TradingHalt)] == list(status.accounts[0].halts)
    return list(status.accounts[0].halts)


def test_an_armed_system_asks_and_a_person_answers(tmp_path: Path, kraken: SimulatedKraken) -> None:
    """Armed, in mode recover, a withdrawal of most of the account is a halt; the next process knows all of it."""
    stock(kraken.user)
    config = write_settings(tmp_path, kraken.base_url, {"main": kraken.user}, f'mode = "recover"\n{QUICK}')

    async def first() -> None:
        async with ReconciliationSystem.open(config, arm=True) as system:
            await system.record(opening("main", kraken.user))
            assert await halts(system) == []
            async with listening(system, TradingHaltRequested) as asked:
                kraken.account.withdraw("ZUSD", Decimal(80000))
                await asked.until(1)
            assert asked[0].halt.id == FIRST
            assert await halts(system) == [FIRST]
            stopped = AcknowledgeHalt(exchange="main", id=FIRST)
            assert await system.ask(stopped, timeout=PATIENCE_SECONDS) == Recorded(status="recorded")
            with pytest.raises(UsageError):
                await system.ask(GetHalts(exchange="nobody"), timeout=PATIENCE_SECONDS)

    async def second() -> None:
        async with ReconciliationSystem.open(config) as system:
            assert await halts(system) == [FIRST]
            release = ReleaseHalt(exchange="main", id=FIRST, reason="our own", actor="root")
            async with listening(system, TradingHaltReleased) as released:
                assert await system.ask(release, timeout=PATIENCE_SECONDS) == Recorded(status="recorded")
                await released.until(1)
            assert released[0].halt.acknowledged_at is not None
            assert await halts(system) == []
            assert await system.ask(release, timeout=PATIENCE_SECONDS) == Recorded(status="duplicate")

    asyncio.run(first())
    asyncio.run(second())
