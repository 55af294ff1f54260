"""A generic gateway to one exchange class of ccxt, redirected to a server on loopback that says what a test wants."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from pydantic import SecretStr

from reconcile_actors.config.models import ExchangeConfig
from reconcile_actors.domain.snapshot import Snapshot, UnknownReason, Unreadable
from reconcile_actors.exchanges.ccxt_client import make_client
from reconcile_actors.exchanges.credentials import Credentials
from reconcile_actors.exchanges.generic import GenericGateway
from reconcile_actors.exchanges.generic.client import UnifiedClient
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass
from tests.unit.exchanges.exchange_fakes import VirtualTime
from tests.unit.exchanges.http_server import serving

API_KEY = "api-key-canary-77"
SECRET = base64.b64encode(b"secret canary" * 4).decode()
PASSWORD = "passphrase-canary-77"
_PRIVATE_KEY = "0x" + "4c" * 32
_WALLET = "0x" + "11" * 20
# What a broken exchange says with status 200.
GARBAGE = {
    "empty object": "{}",
    "empty list": "[]",
    "list of empty objects": "[{}]",
    "html": "<!doctype html><html><body>We will be back soon</body></html>",
    "nothing": "",
    "null": "null",
    "a number": "0",
    "cut off": '{"code": 0, "success": true, "status": "ok", "data": [{"currency": "BTC", "available": "1.5", "ba',
    "a success without data": '{"code": 0, "retCode": 0, "success": true, "status": "ok", "error": [], "msg": "", "message": ""}',
    "a success with nulls": '{"code": "0", "success": true, "status": "ok", "data": null, "result": null, "balances": null}',
    "a success with nothing": '{"code": "0", "success": true, "status": "ok", "data": [], "result": {}, "balances": []}',
}
# Keys that ccxt looks into before it sends anything.
_PARTICULAR = {"gemini": {"apiKey": f"account-{API_KEY}"}, "lbank": {"secret": "short"}}
CREDENTIALS = Credentials(SecretStr(API_KEY), SecretStr(SECRET), SecretStr(PASSWORD))


@dataclass
class Say:
    """What the server answers next; `by_path` and `statuses` count before `text` and `status` where a path ends with a key."""

    text: str = "{}"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    by_path: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def json(self, content: object) -> None:
        self.text = json.dumps(content)

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        text = next((text for end, text in self.by_path.items() if request.path.endswith(end)), self.text)
        status = next((status for end, status in self.statuses.items() if request.path.endswith(end)), self.status)
        return web.Response(text=text, status=status, headers=self.headers, content_type="application/json")


@dataclass
class Desk:
    """`say` is what the exchange says; `time` moves when the gateway sleeps or a test says so."""

    say: Say
    url: str
    time: VirtualTime
    opened: list[GenericGateway] = field(default_factory=list)

    async def gateway(self, exchange_id: str, *, retry_count: int = 0, **config: object) -> GenericGateway:
        """A gateway with made-up credentials under every name that the class asks for."""
        client, transport = await make_client(exchange_id, CREDENTIALS, clocks=self.time.clocks, base_url=self.url)
        for what, required in client.requiredCredentials.items():
            if required and not getattr(client, what):
                setattr(client, what, _WALLET if what == "walletAddress" else _PRIVATE_KEY)
        for what, value in _PARTICULAR.get(exchange_id, {}).items():
            setattr(client, what, value)
        exchange = ExchangeConfig.model_validate({"id": "any", **config})
        unified = UnifiedClient(client, transport)
        gateway = GenericGateway(
            "main", exchange, unified, retry_count=retry_count, clocks=self.time.clocks, jitter=lambda pause: pause
        )
        self.opened.append(gateway)
        return gateway

    async def read(self, gateway: GenericGateway, *, fresh: bool = False) -> Snapshot | UnknownReason | FailureClass:
        """A snapshot, why there is none, or how it failed; a minute after the last."""
        self.time.advance(60)
        try:
            got = await gateway.read(timeout_seconds=30, fresh=fresh)
        except ExchangeFailureError as failure:
            return failure.failure
        return got.reason if isinstance(got, Unreadable) else got


@asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    """The server while it listens; every gateway is closed at the end."""
    say = Say()
    async with serving(say.handle) as server:
        one = Desk(say, server.url, VirtualTime())
        try:
            yield one
        finally:
            for gateway in one.opened:
                await gateway.close()


def totals(snapshot: object) -> dict[str, str]:
    """Currency -> total as text."""
    assert isinstance(snapshot, Snapshot), snapshot
    return {currency: f"{balance.total:f}" for (_, currency), balance in snapshot.balances.items()}
