"""HTTP under ccxt: where a signed request really goes, and what of its answer is kept.

Stands in for the aiohttp session that ccxt would make. Redirects are not followed, because they would carry the API key to
another host; bodies are bounded (I12); both ends of the bracket are stamped here, next to the wire. Imports aiohttp, so it
is itself imported only where a gateway opens.
"""

import hashlib
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import yarl

from reconcile_actors.exchanges.clocks import Clocks
from reconcile_actors.exchanges.failures import http_date_at, retry_after_seconds
from reconcile_actors.exchanges.names import OwnResolver

BODY_BYTES_MAX: Final = 16 * 1024 * 1024
_CONNECTIONS_MAX: Final = 4


class BodyTooLargeError(Exception):
    """The response is larger than any that an exchange would send."""


@dataclass(slots=True)
class Receipt:
    """What is known of one call, filled in as it proceeds. Holds no body and no header, so it may stand in a traceback."""

    requested_us: int = 0
    requested_at: int = 0
    received_us: int = 0
    received_at: int = 0
    status: int | None = None
    retry_after_seconds: float | None = None
    server_at: int | None = None
    used: Mapping[str, int] = field(default_factory=dict)
    digest: str = ""
    connection: int = 0
    remember: bool = False
    decoded: bool = False
    content: object = field(default=None, repr=False)


RECEIPT: ContextVar[Receipt] = ContextVar("receipt")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What ccxt looks at in a response."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    content: None = None

    async def text(self, errors: str = "strict") -> str:  # noqa: ARG002 - ccxt asks to replace what is not UTF-8; that would invent text
        return self.body.decode("utf-8")


class Transport:
    """Quacks like the session that ccxt uses: `get`, `post`, `headers`. One open pool of connections at a time."""

    def __init__(self, clocks: Clocks, *, base_url: str | None, proxy: str | None, tls: ssl.SSLContext | None) -> None:
        self.headers: dict[str, str] = {}
        self.connection = 0
        self._clocks = clocks
        self._base_url = base_url
        self._proxy = proxy
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._resolver = OwnResolver()

    def get(self, url: yarl.URL, **options: Any) -> AbstractAsyncContextManager[_Answer]:
        """See aiohttp; `options` are those that ccxt passes."""
        return self._send("GET", str(url), options)

    def post(self, url: yarl.URL, **options: Any) -> AbstractAsyncContextManager[_Answer]:
        """See `get`."""
        return self._send("POST", str(url), options)

    async def renew(self) -> None:
        """Closes every connection: the next request opens another, and `connection` counts on."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def close(self) -> None:
        """Closes every connection, for good."""
        await self.renew()
        await self._resolver.close()

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self._tls or True, limit=_CONNECTIONS_MAX, resolver=self._resolver)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
            self.connection += 1
        return self._session

    @asynccontextmanager
    async def _send(self, method: str, url: str, options: dict[str, Any]) -> AsyncIterator[_Answer]:
        session = self._open_session()
        receipt = RECEIPT.get()
        receipt.connection = self.connection
        options.update(proxy=self._proxy, allow_redirects=False)
        target = yarl.URL(redirected(url, self._base_url), encoded=True)
        receipt.requested_us, receipt.requested_at = self._clocks.monotonic_us(), self._clocks.utc_us()
        async with session.request(method, target, **options) as response:
            body = await _whole_body(response)
            receipt.received_us, receipt.received_at = self._clocks.monotonic_us(), self._clocks.utc_us()
            receipt.status = response.status
            receipt.retry_after_seconds = retry_after_seconds(response.headers.get("Retry-After"), receipt.received_at)
            receipt.server_at = http_date_at(response.headers.get("Date"))
            receipt.used = _used(response.headers)
            receipt.digest = hashlib.sha256(body).hexdigest()
            yield _Answer(response.status, response.reason or "", response.headers, body)


def _used(headers: Mapping[str, str]) -> dict[str, int]:
    """What an exchange says was used of its limits, by header in lower case: `x-mbx-used-weight-1m`."""
    return {
        name.lower(): int(value[:9])
        for name, value in headers.items()
        if "-used-" in name.lower() and value.isascii() and value.isdigit()
    }


async def _whole_body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLargeError
    return bytes(body)


def redirected(url: str, base_url: str | None) -> str:
    """Where a request for `url` goes: base_url/HOST(U)/PATH(U)?QUERY(U), HOST with its port; `url` itself without a base."""
    if base_url is None:
        return url
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return f"{base_url.rstrip('/')}/{parts.netloc}{parts.path}{query}"
