"""A whole system on an exchange that nobody described: honest trading agrees, what is forgotten is found, garbage is unknown."""

import asyncio
import json
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from aiohttp import web

from reconcile_actors import ReconciliationSystem
from reconcile_actors.messages import DiscrepancyConfirmed, GetStatus, RecordFill, SetBalances, StatedBalance
from reconcile_actors.messages.views import StatusView
from tests.functional.system_desk import PATIENCE_SECONDS, QUICK, listening, reconcile
from tests.unit.exchanges.http_server import serving

NAME = "other"
PRICE, FEE = Decimal(50_000), Decimal("0.5")


@dataclass
class Exchange:
    """A spot account in Bitstamp's form, and the fills that moved it."""

    holdings: dict[str, Decimal] = field(default_factory=lambda: {"btc": Decimal("1.5"), "usd": Decimal(90_000)})
    fills: int = 0
    garbage: str | None = None

    async def handle(self, request: web.Request) -> web.Response:
        rows = [
            {"currency": currency, "total": f"{total:f}", "available": f"{total:f}", "reserved": "0.00"}
            for currency, total in self.holdings.items()
        ]
        text = self.garbage if self.garbage is not None else json.dumps(rows)
        return web.Response(text=text, content_type="application/json")

    def fill(self) -> RecordFill:
        """A hundredth of a coin is bought; what an honest trading process says of it."""
        self.fills += 1
        self.holdings["btc"] += Decimal("0.01")
        self.holdings["usd"] -= Decimal("0.01") * PRICE + FEE
        return RecordFill(
            exchange=NAME,
            id=f"T{self.fills}",
            symbol="BTC/USD",
            side="buy",
            quantity=Decimal("0.01"),
            price=PRICE,
            fee_currency="USD",
            fee=FEE,
        )


def write_config(directory: Path, base_url: str) -> Path:
    for suffix in ("key", "secret"):
        file = directory / f"other.{suffix}"
        file.touch(mode=0o600)
        file.write_text(f"made-up-{suffix}")
    config = directory / "config.toml"
    config.write_text(
        f'[reconciliation]\n{QUICK}\n[store]\npath = "book.db"\n'
        '[audit]\norigin = "localhost/test"\nkey_file = "audit.key"\ntrusted_head_file = "head"\n'
        f'[exchanges.{NAME}]\nid = "bitstamp"\napi_key_file = "other.key"\nsecret_file = "other.secret"\n'
        f'base_url = "{base_url}"\nexchange_lag_seconds = 1\n'
    )
    return config


def test_a_forgotten_fill_is_found_without_history(tmp_path: Path) -> None:
    """Fills that are told agree, one that is not is confirmed by reads alone and goes once it is told; garbage changes nothing."""
    exchange = Exchange()

    async def story() -> None:
        async with (
            serving(exchange.handle) as server,
            ReconciliationSystem.open(write_config(tmp_path, server.url)) as system,
            listening(system, DiscrepancyConfirmed) as heard,
        ):
            stated = tuple(
                StatedBalance(currency=currency.upper(), total=total) for currency, total in exchange.holdings.items()
            )
            await system.record(SetBalances(exchange=NAME, version=1, balances=stated))
            for _ in range(2):
                assert (await system.record(exchange.fill())).status == "recorded"
                honest = await reconcile(system, NAME)
                assert (honest.status.value, heard) == ("matched", [])
            status = await system.ask(GetStatus(), timeout=PATIENCE_SECONDS)
            assert isinstance(status, StatusView)
            assert [(one.has_history, one.poll_seconds) for one in status.accounts] == [(False, 2.0)]

            exchange.garbage = "{}"
            unknown = await reconcile(system, NAME)
            assert (unknown.status.value, heard) == ("unknown", [])
            exchange.garbage = None

            forgotten = exchange.fill()
            async with asyncio.timeout(PATIENCE_SECONDS):
                found = await heard.until(2)
            assert {one.discrepancy.currency: one.discrepancy.difference for one in found} == {
                "BTC": Decimal("0.01"),
                "USD": Decimal("-500.5"),
            }
            assert {one.discrepancy.cause for one in found} == {"unexplained"}
            await system.record(forgotten)
            async with asyncio.timeout(PATIENCE_SECONDS):
                # as long as a read may show the time before it was told, it may show what stands
                while (await reconcile(system, NAME)).status.value != "matched":
                    pass
            assert len(heard) == 2

    asyncio.run(story())
