"""A funding payment bears no id at dYdX: a repair posts it once, and its report afterwards counts no second time."""

import asyncio
from decimal import Decimal
from pathlib import Path

from reconcile_actors import ReconciliationSystem
from reconcile_actors.domain.balances import Field
from reconcile_actors.messages import PortfolioAdjusted
from reconcile_actors.messages.wire import message_of
from reconcile_actors.simulation.dydx import DydxTrader, SimulatedDydx
from reconcile_actors.simulation.reports import Misreporting
from tests.functional.system_desk import listening, reconcile
from tests.functional.test_system_dydx import NAME, tell, write_config


def test_a_forgotten_payment_is_posted_once(tmp_path: Path) -> None:
    """Equal payments of two markets are two; told late, under ids of the trading process's own, they are duplicates, over a restart too."""

    async def story() -> None:
        async with SimulatedDydx(seed=5) as dydx:
            dydx.account.deposit(Decimal(50_000))
            dydx.account.trade("BTC-USD", "sell", Decimal("0.1"), Decimal(60_000))
            dydx.account.trade("ETH-USD", "sell", Decimal(2), Decimal(3000))
            trader = DydxTrader(
                dydx.account,
                dydx.chain,
                exchange=NAME,
                actions_per_second=0.0,
                drives_chain=False,
                misreporting=Misreporting(drop_types=frozenset({"RecordFunding"})),
            )
            config = write_config(tmp_path, dydx)
            config.write_text(config.read_text().replace("[reconciliation]", '[reconciliation]\nmode = "recover"'))
            async with ReconciliationSystem.open(config, arm=True) as system:
                await tell(system, trader.opening())
                assert (await reconcile(system, NAME)).status.value == "matched"
                async with listening(system, PortfolioAdjusted) as heard:
                    dydx.chain.move_funding({"BTC-USD": Decimal("0.01"), "ETH-USD": Decimal("0.01")})
                    assert trader.step(dydx.chain.now()) == []
                    [adjusted] = await heard.until(1)
                lines = adjusted.adjustment.lines
                assert [(line.type, line.field, line.amount) for line in lines] == [
                    ("funding", Field.TOTAL, Decimal(60))
                ] * 2
                assert len({line.id for line in lines}) == 2

            async with ReconciliationSystem.open(config, arm=True) as system:
                told = [await system.record(message_of(dict(report))) for report in trader.reporter.omitted]
                assert [answer.status for answer in told] == ["duplicate", "duplicate"]
                assert (await reconcile(system, NAME)).status.value == "matched"

    asyncio.run(story())
