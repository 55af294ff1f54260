"""A whole system on a simulated Binance: an honest trader raises no alarm, and what it forgets is found by name."""

import asyncio
import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from reconcile_actors import ReconciliationReport, ReconciliationSystem
from reconcile_actors.messages import DiscrepancyConfirmed, TradingHaltRequested
from reconcile_actors.messages.records import AnyRecord
from reconcile_actors.messages.wire import parse_message
from reconcile_actors.simulation import SimulatedBinance
from reconcile_actors.simulation.reports import Misreporting, Report
from tests.functional.system_desk import PATIENCE_SECONDS, QUICK, listening, reconcile

NAME = "binance-main"
FORGOTTEN = 6


def write_config(directory: Path, binance: SimulatedBinance) -> Path:
    for suffix, text in (("key", binance.keys.api_key), ("secret", binance.keys.secret)):
        file = directory / f"account.{suffix}"
        file.touch(mode=0o600)
        file.write_text(text)
    config = directory / "config.toml"
    config.write_text(
        f'[reconciliation]\n{QUICK}\n[store]\npath = "book.db"\n'
        '[audit]\norigin = "localhost/test"\nkey_file = "audit.key"\ntrusted_head_file = "head"\n'
        f'[exchanges.{NAME}]\nid = "binance"\nbase_url = "{binance.base_url}"\n'
        'api_key_file = "account.key"\nsecret_file = "account.secret"\n'
    )
    return config


async def tell(system: ReconciliationSystem, reports: Iterable[Report]) -> None:
    """What a trading process says, as JSON lines would bring it."""
    for report in reports:
        message = parse_message(json.dumps(report))
        assert isinstance(message, AnyRecord)
        assert (await system.record(message)).status == "recorded"


def causes(report: ReconciliationReport) -> set[tuple[str | None, tuple[str, ...]]]:
    return {(one.cause, one.evidence) for one in report.discrepancies if one.state.is_open}


def test_a_forgotten_fill_is_found_and_nothing_else(tmp_path: Path) -> None:
    """Orders, fills, funds and simple earn that are told agree; the one fill that is not told is named in both currencies."""

    async def story() -> None:
        async with SimulatedBinance(seed=5) as binance:
            account = binance.account
            for asset, amount in {"BTC": 5, "ETH": 50, "SOL": 100, "USDT": 100_000, "LDBTC": 1, "BNB": 3}.items():
                account.deposit(asset, Decimal(amount))
            account.pays_fees_in_bnb = True
            trader = binance.trader(
                exchange=NAME,
                seed=5,
                actions_per_second=10.0,
                misreporting=Misreporting(drop_fills=frozenset({FORGOTTEN})),
            )
            async with ReconciliationSystem.open(write_config(tmp_path, binance)) as system:
                await tell(system, [trader.opening()])
                at = binance.clock()
                await tell(system, trader.step(at))
                assert (await reconcile(system, NAME)).status.value == "matched"
                async with listening(system, DiscrepancyConfirmed) as heard:
                    while len(account.fills) < FORGOTTEN - 1:
                        at += 0.1
                        await tell(system, trader.step(at))
                    honest = await reconcile(system, NAME)
                    assert (honest.status.value, heard) == ("matched", [])
                    while not trader.reporter.omitted:
                        at += 0.1
                        await tell(system, trader.step(at))
                    [forgotten] = trader.reporter.omitted
                    evidence = {("missed_fill", (forgotten["id"],))}
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        # reads may show that it differs before fills of that time can be missed
                        while causes(await reconcile(system, NAME)) != evidence:
                            pass
                    await tell(system, [forgotten])
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        while (await reconcile(system, NAME)).status.value != "matched":
                            pass
                    traded = str(forgotten["symbol"]).split("/")
                    assert {one.discrepancy.currency for one in heard} <= {*traded, "BNB"}
            account.verify()

    asyncio.run(story())


def test_a_subscription_that_nobody_told_is_no_theft(tmp_path: Path) -> None:
    """All BTC is put into simple earn by hand: the purchase explains both currencies, no halt is asked for, and its report is
    two transfers under one id."""

    async def story() -> None:
        async with SimulatedBinance(seed=6) as binance:
            for asset, amount in {"BTC": 5, "USDT": 1000}.items():
                binance.account.deposit(asset, Decimal(amount))
            trader = binance.trader(exchange=NAME)
            async with (
                ReconciliationSystem.open(write_config(tmp_path, binance)) as system,
                listening(system, TradingHaltRequested) as halts,
            ):
                await tell(system, [trader.opening()])
                assert (await reconcile(system, NAME)).status.value == "matched"
                purchase = binance.account.transfer("BTC", "LDBTC", Decimal(5))
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while causes(await reconcile(system, NAME)) != {("missed_fill", (purchase,))}:
                        pass
                for currency, amount in (("BTC", "-5"), ("LDBTC", "5")):
                    told = {"type": "RecordTransfer", "exchange": NAME, "id": purchase}
                    await tell(system, [{**told, "currency": currency, "amount": amount}])
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while (await reconcile(system, NAME)).status.value != "matched":
                        pass
                assert halts == []

    asyncio.run(story())
