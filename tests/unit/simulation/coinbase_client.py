"""A minimal client of the simulated Coinbase, written from the published token rule and sharing no code with the server."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from reconcile_actors.simulation.coinbase import SimulatedCoinbase, User
from tests.unit.simulation.simulation_client import Clock, Reply

HOST = "api.coinbase.com"
V3 = "/api/v3/brokerage/"


@dataclass
class Client:
    """Calls as one user. `head` and `claims` override parts of the token, `secret` is another private key."""

    session: aiohttp.ClientSession
    coinbase: SimulatedCoinbase
    user: User
    prefix: str = f"/{HOST}"
    head: dict[str, object] = field(default_factory=dict)
    claims: dict[str, object] = field(default_factory=dict)
    secret: str | None = None

    def token(self, method: str, path: str) -> str:
        now, name = int(self.coinbase.clock()), self.user.keys.api_key
        head = {"alg": "ES256", "typ": "JWT", "kid": name, "nonce": "ab12", **self.head}
        claims = {
            "iss": "cdp",
            "sub": name,
            "nbf": now,
            "exp": now + 120,
            "uri": f"{method} {HOST}{path}",
            **self.claims,
        }
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in (head, claims))
        key = load_pem_private_key((self.secret or self.user.keys.secret).encode(), None)
        r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_encoded(r.to_bytes(32) + s.to_bytes(32))}"

    async def ask(self, path: str, *, method: str = "GET", header: str | None = None, **parameters: object) -> Reply:
        """One request; `header` replaces the whole Authorization header."""
        headers = {"Authorization": header or f"Bearer {self.token(method, path)}"}
        url = f"{self.coinbase.base_url}{self.prefix}{path}"
        async with self.session.request(method, url, params=parameters, headers=headers) as response:
            return Reply(response.status, dict(response.headers), await response.text())

    async def v3(self, name: str, **parameters: object) -> dict:
        reply = await self.ask(V3 + name, **parameters)
        assert reply.status == 200, reply.text
        return reply.json()

    async def uuid(self, currency: str) -> str:
        """Of the currency's first wallet."""
        return next(row["uuid"] for row in (await self.v3("accounts"))["accounts"] if row["currency"] == currency)

    async def transactions(self, uuid: str, **parameters: object) -> dict:
        reply = await self.ask(f"/v2/accounts/{uuid}/transactions", **parameters)
        assert reply.status == 200, reply.text
        return reply.json()


@asynccontextmanager
async def exchange(*, clock: Clock | None = None, **options: object) -> AsyncIterator[tuple[SimulatedCoinbase, Client]]:
    """A started exchange with virtual time and, unless said, no call limit; and a client of its first user."""
    options = {"limited": False, **options}
    async with SimulatedCoinbase(clock=clock or Clock(), **options) as coinbase, aiohttp.ClientSession() as session:
        yield coinbase, Client(session, coinbase, coinbase.user)


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
