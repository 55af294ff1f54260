"""A minimal client of the simulated exchange, written from the published signing rule and sharing no code with the server."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

import aiohttp

from reconcile_actors.simulation import SimulatedKraken, Tier
from reconcile_actors.simulation.kraken import User


class Clock:
    """Virtual Unix time that moves only when told to."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Reply:
    """A raw HTTP answer."""

    status: int
    headers: dict[str, str]
    text: str

    def json(self) -> dict:
        return json.loads(self.text)


class Client:
    """Calls as one user; the nonce grows by one with each call."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, user: User, prefix: str = "") -> None:
        self._session = session
        self._root = base_url + prefix
        self._user = user
        self.nonce = 0

    async def public(self, name: str, **parameters: str) -> dict:
        async with self._session.get(f"{self._root}/0/public/{name}", params=parameters) as response:
            return json.loads(await response.text())

    async def raw(
        self,
        name: str,
        parameters: dict[str, object] | None = None,
        *,
        nonce: str | None = None,
        api_key: str | None = None,
        secret: str | None = None,
        as_json: bool = False,
    ) -> Reply:
        self.nonce += 1
        fields = {"nonce": nonce or str(self.nonce), **(parameters or {})}
        body = json.dumps(fields) if as_json else urlencode(fields)
        path = f"/0/private/{name}"
        digest = hashlib.sha256((fields["nonce"] + body).encode()).digest()
        key = base64.b64decode(secret or self._user.keys.secret)
        signature = base64.b64encode(hmac.new(key, path.encode() + digest, hashlib.sha512).digest()).decode()
        headers = {
            "API-Key": api_key or self._user.keys.api_key,
            "API-Sign": signature,
            "Content-Type": "application/json" if as_json else "application/x-www-form-urlencoded",
        }
        async with self._session.post(self._root + path, data=body, headers=headers) as response:
            return Reply(response.status, dict(response.headers), await response.text())

    async def private(self, name: str, **parameters: object) -> dict:
        return (await self.raw(name, parameters)).json()

    async def result(self, name: str, **parameters: object) -> dict:
        answer = await self.private(name, **parameters)
        assert answer["error"] == []
        return answer["result"]

    async def error(self, name: str, **parameters: object) -> str:
        answer = await self.private(name, **parameters)
        assert "result" not in answer
        (code,) = answer["error"]
        return code


@asynccontextmanager
async def exchange(
    *, clock: Clock | None = None, tier: Tier | None = None, prefix: str = "", **options: object
) -> AsyncIterator[tuple[SimulatedKraken, Client]]:
    """A started exchange with virtual time and no call limit, and a client of its first user."""
    async with (
        SimulatedKraken(clock=clock or Clock(), tier=tier, **options) as kraken,
        aiohttp.ClientSession() as session,
    ):
        yield kraken, Client(session, kraken.base_url, kraken.user, prefix)


def funded(kraken: SimulatedKraken) -> None:
    """Dollars, bitcoin and ether enough for any test."""
    for asset, amount in (("ZUSD", "100000"), ("XXBT", "3"), ("XETH", "30")):
        kraken.account.deposit(asset, Decimal(amount))
