"""Supervision on real threads, with the real store and a simulated exchange: asserted on counts and order, never on time."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconcile_actors import ReconciliationSystem
from reconcile_actors.domain.report import ReconciliationStatus
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.messages import (
    ActorRestarted,
    DiscrepancyConfirmed,
    DiscrepancyDetected,
    DiscrepancyResolved,
    ExchangeDegraded,
    ExchangeRecovered,
    GetDiscrepancies,
    GetStatus,
    ResumeExchange,
)
from reconcile_actors.messages.views import AccountStatus, StatusView
from reconcile_actors.simulation.faults import FaultOptions
from reconcile_actors.simulation.kraken import Fault, SimulatedKraken
from tests.functional.system_desk import (
    PATIENCE_SECONDS,
    Heard,
    listening,
    opening,
    reconcile,
    stock,
    trade,
    write_settings,
)

DEAD = 40
TROUBLES = ("refuses", "hangs", "fails", "talks nonsense")


@pytest.fixture
def kraken() -> Iterator[SimulatedKraken]:
    with SimulatedKraken.start_in_thread(seed=31, tier=None) as exchange:
        yield exchange


async def statuses(system: ReconciliationSystem) -> dict[str, AccountStatus]:
    """How each account is doing."""
    view = await system.ask(GetStatus(), timeout=PATIENCE_SECONDS)
    assert isinstance(view, StatusView)
    return {one.exchange: one for one in view.accounts}


def test_an_outage_opens_the_breaker_and_a_valid_read_closes_it(tmp_path: Path, kraken: SimulatedKraken) -> None:
    """Degraded, `open`, hardly a call; recovered, `closed`; the discrepancy that stood before stands under its id."""
    stock(kraken.user)
    lines = "local_lag_seconds = 0.5\nretry_count = 0"
    config = write_settings(tmp_path, kraken.base_url, {"main": kraken.user}, lines)

    async def outage() -> None:
        async with (
            ReconciliationSystem.open(config) as system,
            listening(system, DiscrepancyConfirmed) as found,
            listening(system, ExchangeDegraded) as degraded,
            listening(system, ExchangeRecovered) as recovered,
        ):
            await system.record(opening("main", kraken.user))
            await reconcile(system, "main")
            missed = trade(kraken, "main", kraken.user)
            await found.until(2)
            ids = {one.discrepancy.id for one in found}
            kraken.faults.always("*", Fault.HTTP_503)
            await degraded.until(1)
            shown = (await statuses(system))["main"]
            assert (shown.breaker, shown.unknown_reason) == ("open", "unreachable")
            # who asks meanwhile is answered at once, and no call goes out for it
            calls = kraken.requests.total
            reports = [await reconcile(system, "main") for _ in range(5)]
            # an unknown does not mask a confirmed loss
            assert {one.status for one in reports} == {ReconciliationStatus.DISCREPANT}
            assert {one.id for report in reports for one in report.discrepancies} == ids
            assert kraken.requests.total - calls <= 1
            assert recovered == []
            kraken.faults.clear()
            await recovered.until(1)
            assert (await statuses(system))["main"].breaker == "closed"
            report = await reconcile(system, "main")
            assert report.status is ReconciliationStatus.DISCREPANT
            listed = await system.ask(GetDiscrepancies(exchange="main"), timeout=PATIENCE_SECONDS)
            assert {one.id for one in listed} == ids
            async with listening(system, DiscrepancyResolved) as gone:
                await system.record(missed)
                await gone.until(2)
            assert {one.discrepancy.id for one in found} == ids

    asyncio.run(outage())


def test_refused_credentials_wait_for_a_person(tmp_path: Path, kraken: SimulatedKraken) -> None:
    """The breaker stays open without a call, whatever is asked, until ResumeExchange."""
    stock(kraken.user)
    config = write_settings(tmp_path, kraken.base_url, {"main": kraken.user})

    async def refused() -> None:
        async with ReconciliationSystem.open(config) as system, listening(system, ExchangeDegraded) as degraded:
            await system.record(opening("main", kraken.user))
            assert (await reconcile(system, "main")).status is ReconciliationStatus.MATCHED
            kraken.faults.always("BalanceEx", Fault.PERMISSION_DENIED)
            await degraded.until(1)
            kraken.faults.clear()
            calls = len(kraken.requests.of("BalanceEx"))
            for _ in range(3):
                assert (await reconcile(system, "main")).unknown_reason is UnknownReason.CREDENTIALS
            assert len(kraken.requests.of("BalanceEx")) == calls
            async with listening(system, ExchangeRecovered) as recovered:
                await system.ask(ResumeExchange(exchange="main"), timeout=PATIENCE_SECONDS)
                await recovered.until(1)
            assert (await reconcile(system, "main")).status is ReconciliationStatus.MATCHED

    asyncio.run(refused())


def forty_one(directory: Path, kraken: SimulatedKraken, closed_port: int) -> Path:
    """A configuration of forty accounts whose exchange is dead in one way or another, and one that lives."""
    users = {f"dead{number}": kraken.add_account(f"dead{number}") for number in range(DEAD)}
    users["live"] = kraken.user
    for user in users.values():
        stock(user)
    config = write_settings(directory, kraken.base_url, users)
    parts = config.read_text().split("[exchanges.")
    for number in range(DEAD):
        name, trouble = f"dead{number}", TROUBLES[number % len(TROUBLES)]
        match trouble:
            case "refuses":
                index = next(index for index, part in enumerate(parts) if part.startswith(f"{name}]"))
                parts[index] = parts[index].replace(kraken.base_url, f"http://127.0.0.1:{closed_port}")
            case "hangs":
                kraken.faults.always("*", Fault.SLOW, user=name, options=FaultOptions(seconds=3600))
            case "fails":
                kraken.faults.always("*", Fault.HTTP_503, user=name)
            case _:
                kraken.faults.always("*", Fault.HTML, user=name)
    config.write_text("[exchanges.".join(parts))
    return config


def test_forty_dead_exchanges_do_not_delay_the_forty_first(tmp_path: Path, kraken: SimulatedKraken) -> None:
    """Beside forty that refuse, hang, fail or talk nonsense, one is compared, and its missed fill found within a few reads."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: it refuses, and nobody else gets it meanwhile
        config = forty_one(tmp_path, kraken, unused.getsockname()[1])
        asyncio.run(live_among_the_dead(config, kraken))


async def live_among_the_dead(config: Path, kraken: SimulatedKraken) -> None:
    async with (
        ReconciliationSystem.open(config) as system,
        listening(system, DiscrepancyDetected) as candidates,
        listening(system, DiscrepancyConfirmed) as found,
        listening(system, ActorRestarted) as restarted,
        listening(system, ExchangeDegraded) as degraded,
    ):
        names = [f"dead{number}" for number in range(DEAD)]
        await asyncio.gather(
            *(system.record(opening(name, kraken.user)) for name in names),
            system.record(opening("live", kraken.user)),
        )
        assert (await reconcile(system, "live")).status is ReconciliationStatus.MATCHED
        await each_degraded(degraded, [name for name in names if int(name[4:]) % len(TROUBLES) in {0, 2}])
        assert await system.record(trade(kraken, "live", kraken.user))
        assert (await reconcile(system, "live")).status is ReconciliationStatus.MATCHED
        reads = len(reads_of(kraken, kraken.user.name))
        calls = {name: len(reads_of(kraken, name)) for name in names}
        trade(kraken, "live", kraken.user)
        await found.until(2)
        assert {one.discrepancy.exchange for one in found} == {"live"}
        assert {one.discrepancy.exchange for one in candidates} == {"live"}
        assert 1 <= len(reads_of(kraken, kraken.user.name)) - reads <= 12
        assert all(len(reads_of(kraken, name)) - calls[name] <= 12 for name in names)
        shown = await statuses(system)
        assert {shown[name].status for name in names} == {"unknown"}
        assert {one.actor for one in shown.values()} == {"alive"}
        assert (shown["live"].status, shown["live"].breaker) == ("discrepant", "closed")
        assert restarted == []


async def each_degraded(heard: Heard[ExchangeDegraded], names: list[str]) -> None:
    """Waits until each of these has been told of."""
    count = 0
    while not {one.exchange for one in heard} >= set(names):
        count = len(heard)
        await heard.until(count + 1)


def reads_of(kraken: SimulatedKraken, user: str) -> list[object]:
    """The balance requests of one user so far."""
    return [one for one in kraken.requests.of("BalanceEx") if one.user == user]
