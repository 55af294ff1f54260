"""A whole system on a simulated Coinbase: an honest trader raises no alarm, and what it forgets is found and named."""

import asyncio
import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from reconcile_actors import ReconciliationSystem
from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.report import ReconciliationStatus
from reconcile_actors.messages import DiscrepancyConfirmed
from reconcile_actors.messages.records import AnyRecord
from reconcile_actors.messages.wire import parse_message
from reconcile_actors.simulation.coinbase import COINBASE_FUNDS, COINBASE_PAIRS, SimulatedCoinbase, place_of
from reconcile_actors.simulation.reports import Misreporting, Report
from reconcile_actors.simulation.trader import Trader
from tests.functional.system_desk import PATIENCE_SECONDS, QUICK, listening, reconcile

NAME = "advanced"
FORGOTTEN = 12


def write_config(directory: Path, coinbase: SimulatedCoinbase) -> Path:
    for suffix, text in (("name", coinbase.keys.api_key), ("pem", coinbase.keys.secret)):
        file = directory / f"key.{suffix}"
        file.touch(mode=0o600)
        file.write_text(text)
    config = directory / "config.toml"
    config.write_text(
        f'[reconciliation]\n{QUICK}\n[store]\npath = "book.db"\n'
        '[audit]\norigin = "localhost/test"\nkey_file = "audit.key"\ntrusted_head_file = "head"\n'
        f'[exchanges.{NAME}]\nid = "coinbase"\nwallets = ["spot", "vault"]\n'
        f'api_key_file = "key.name"\nsecret_file = "key.pem"\nbase_url = "{coinbase.base_url}"\n'
    )
    return config


async def tell(system: ReconciliationSystem, reports: Iterable[Report]) -> None:
    """What a trading process says, as JSON lines would bring it."""
    for report in reports:
        message = parse_message(json.dumps(report))
        assert isinstance(message, AnyRecord)
        assert (await system.record(message)).status == "recorded"


def test_a_forgotten_fill_is_found_and_named(tmp_path: Path) -> None:
    """Trades, transfers to a vault and rewards that are told agree; the one fill that is not told is found with its cause."""

    async def story() -> None:
        async with SimulatedCoinbase(seed=5) as coinbase:
            for asset, amount in (
                ("USD", 500_000),
                ("BTC", 5),
                ("ETH", 50),
                ("USDT", 50_000),
                ("DOT.S", 10),
                ("BTC.V", 1),
            ):
                coinbase.account.deposit(asset, Decimal(amount))
            trader = Trader(
                coinbase.account,
                coinbase.market,
                exchange=NAME,
                seed=5,
                actions_per_second=8.0,
                pairs=COINBASE_PAIRS,
                funds=COINBASE_FUNDS,
                places=place_of,
                misreporting=Misreporting(drop_fills=frozenset({FORGOTTEN})),
            )
            async with ReconciliationSystem.open(write_config(tmp_path, coinbase)) as system:
                await tell(system, [trader.opening(), trader.opening("vault")])
                async with listening(system, DiscrepancyConfirmed) as alarms:
                    now = coinbase.clock()
                    while len(coinbase.account.fills) < FORGOTTEN - 1:
                        now += 0.1
                        await tell(system, trader.step(now))
                    honest = await reconcile(system, NAME)
                    assert honest.status is ReconciliationStatus.MATCHED
                    assert alarms == []
                    while len(coinbase.account.fills) < FORGOTTEN:
                        now += 0.1
                        await tell(system, trader.step(now))
                    await tell(system, trader.step(now))
                    await alarms.until(2)
                (lost,) = trader.reporter.omitted
                base, quote = str(lost["symbol"]).split("/")
                report = await reconcile(system, NAME)
                found = {(one.currency, one.field, one.cause) for one in report.discrepancies}
                assert found == {(base, Field.TOTAL, "missed_fill"), (quote, Field.TOTAL, "missed_fill")}
                await tell(system, [lost])
                async with asyncio.timeout(30):
                    healed = await reconcile(system, NAME)
                    while healed.discrepancies:  # an answer up to R old may still lack what was just told
                        healed = await reconcile(system, NAME)
                assert healed.status is ReconciliationStatus.MATCHED
            coinbase.account.verify()

    asyncio.run(asyncio.wait_for(story(), PATIENCE_SECONDS))
