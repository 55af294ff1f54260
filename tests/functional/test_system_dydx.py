"""A whole system on a simulated dYdX: an honest trader raises no alarm, and what it forgets is found in position and cash."""

import asyncio
import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from reconcile_actors import ReconciliationReport, ReconciliationSystem
from reconcile_actors.domain.balances import Field
from reconcile_actors.messages import DiscrepancyConfirmed
from reconcile_actors.messages.records import AnyRecord
from reconcile_actors.messages.wire import parse_message
from reconcile_actors.simulation.dydx import DydxTrader, SimulatedDydx
from reconcile_actors.simulation.money import rounded
from reconcile_actors.simulation.reports import Misreporting, Report
from tests.functional.system_desk import PATIENCE_SECONDS, QUICK, listening, reconcile

NAME = "perps"
FORGOTTEN = 4


def write_config(directory: Path, dydx: SimulatedDydx) -> Path:
    config = directory / "config.toml"
    config.write_text(
        f'[reconciliation]\n{QUICK}\n[store]\npath = "book.db"\n'
        '[audit]\norigin = "localhost/test"\nkey_file = "audit.key"\ntrusted_head_file = "head"\n'
        f'[exchanges.{NAME}]\nid = "dydx"\naddress = "{dydx.address}"\nbase_url = "{dydx.base_url}"\n'
    )
    return config


async def tell(system: ReconciliationSystem, reports: Iterable[Report]) -> None:
    """What a trading process says, as JSON lines would bring it."""
    for report in reports:
        message = parse_message(json.dumps(report))
        assert isinstance(message, AnyRecord)
        assert (await system.record(message)).status == "recorded"


def found(report: ReconciliationReport) -> dict[tuple[str, Field], tuple[Decimal, str | None]]:
    # the fill settled the funding that was owed, which the chain rounds down to its six decimals
    return {(one.currency, one.field): (rounded(one.difference, 5), one.cause) for one in report.discrepancies}


def test_a_forgotten_fill_is_found_in_position_and_cash(tmp_path: Path) -> None:
    """Fills and funding that are told agree; one fill that is not told is named, and goes once it is."""

    async def story() -> None:
        async with SimulatedDydx(seed=3) as dydx:
            dydx.account.deposit(Decimal(50_000))
            dydx.account.trade("SOL-USD", "sell", Decimal(10))
            trader = DydxTrader(
                dydx.account,
                dydx.chain,
                exchange=NAME,
                seed=3,
                actions_per_second=2.0,
                tickers=("BTC-USD", "ETH-USD"),
                moves_funds=False,
                misreporting=Misreporting(drop_fills=frozenset({FORGOTTEN})),
            )
            async with ReconciliationSystem.open(write_config(tmp_path, dydx)) as system:
                await tell(system, trader.opening())
                started = dydx.chain.now()
                trader.step(started)
                assert (await reconcile(system, NAME)).status.value == "matched"

                async with listening(system, DiscrepancyConfirmed) as heard:
                    await tell(system, trader.step(started + 1.5))
                    dydx.chain.move_funding()
                    await tell(system, trader.step(started + 1.5))
                    honest = await reconcile(system, NAME)
                    assert (honest.status.value, heard) == ("matched", [])

                    await tell(system, trader.step(started + 2.0))
                    [forgotten] = trader.reporter.omitted
                    [fill] = [one for one in dydx.account.fills if one.id == forgotten["id"]]
                    expected = {
                        (fill.market.symbol, Field.POSITION): (fill.signed_size, "missed_fill"),
                        ("USDC", Field.TOTAL): (rounded(fill.cash, 5), "missed_fill"),
                    }
                    discrepant = await reconcile(system, NAME)
                    assert discrepant.status.value == "discrepant"
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        # that it differs is past doubt before the fills just told are, and with them the size
                        while found(discrepant) != expected:
                            discrepant = await reconcile(system, NAME)
                    assert {one.evidence for one in discrepant.discrepancies} == {(fill.id,)}
                    await heard.until(2)

                    await tell(system, [forgotten])
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        # as long as a read may show the time before it was told, it may show what stands
                        while (await reconcile(system, NAME)).status.value != "matched":
                            pass
                    assert len({one.discrepancy.id for one in heard}) == 2
            dydx.account.verify()

    asyncio.run(story())
