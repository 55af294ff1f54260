"""One ccxt client for one account: ccxt signs and speaks the exchange's dialect, everything around it is ours.

No market is loaded, nothing is throttled or retried by ccxt, its logger is silent, and nothing of an answer is kept on the
client. Every error leaves as an ExchangeFailureError that chains to nothing: ccxt's messages, causes and frames hold URLs,
keys, signatures and bodies (I7). The one module that imports ccxt, and only when a client is opened (1 s, 100 MB).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconcile_actors.domain.snapshot import Bracket
from reconcile_actors.exchanges.certificates import tls_context
from reconcile_actors.exchanges.clocks import Clocks
from reconcile_actors.exchanges.credentials import Credentials
from reconcile_actors.exchanges.decoding import decode
from reconcile_actors.exchanges.failures import Verdict, by_exception, by_status
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass
from reconcile_actors.kernel.own_thread import on_own_thread

if TYPE_CHECKING:
    from reconcile_actors.exchanges.transport import Receipt, Transport

TRY_SECONDS: Final = 2.0
# How far a nonce jumps after a refusal: since the last run the clock may have been set back by as much.
_NONCE_JUMP_MS: Final = 600_000
_SETTINGS: Final[Mapping[str, object]] = {
    "enableRateLimit": False,
    "timeout": int(TRY_SECONDS * 1000),
    "verbose": False,
    "enableLastHttpResponse": False,
    "enableLastJsonResponse": False,
    "enableLastResponseHeaders": False,
    "timeout_on_exit": 0,  # a pause for web sockets, of which there are none
    "number": str,
}

Explain = Callable[[object], Verdict | None]
"""Reads an exchange's own errors out of a decoded answer; None where it names none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer with status 200. `content` is decoded JSON without floats; `digest` the SHA-256 (hex) of its bytes.

    `server_at` is the exchange's own clock (UTC us, whole seconds) where it sent one. Content may be shared between answers
    with the same digest: do not change it. `used` is what the exchange says was used of its limits, by header in lower case.
    """

    content: object = field(repr=False)
    digest: str
    bracket: Bracket
    connection: int
    server_at: int | None = None
    used: Mapping[str, int] = field(default_factory=dict)


class CcxtClient:
    """Private calls go one at a time, because their nonces must arrive in order."""

    def __init__(self, client: Any, transport: "Transport", explain: Explain) -> None:
        self._client = client
        self._transport = transport
        self._explain = explain
        self._in_order = asyncio.Lock()
        self._remembered: tuple[str, object] = ("", None)
        client.on_json_response = self._decode

    async def call(
        self,
        method: str,
        params: Mapping[str, object],
        *,
        timeout_seconds: float,
        fresh: bool = False,
        private: bool = True,
        remember: bool = False,
    ) -> Answer:
        """One try of one request, `method` being ccxt's name for the endpoint. Raises ExchangeFailureError.

        `fresh` closes the connections first. `remember` keeps the answer, so that the next one with the same bytes is not
        decoded again. The bytes leave only after earlier private calls have ended.
        """
        from reconcile_actors.exchanges.transport import RECEIPT, Receipt  # noqa: PLC0415 - aiohttp comes with the first client

        receipt = Receipt(remember=remember)
        problem: Verdict | None
        cancelled = False
        token = RECEIPT.set(receipt)
        try:
            async with asyncio.timeout(min(timeout_seconds, TRY_SECONDS)):
                await self._request(method, params, fresh=fresh, private=private)
            problem = self._judge(receipt, None)
        except asyncio.CancelledError:
            problem, cancelled = None, True
        except Exception as error:  # noqa: BLE001 - ccxt raises whatever a body provokes; all of it is classified
            problem = self._judge(receipt, error)
        finally:
            RECEIPT.reset(token)
            self._client.last_request_headers = self._client.last_request_body = self._client.last_request_url = None
        if cancelled:  # anew, without the frames of the request, whose locals hold the key
            raise asyncio.CancelledError
        if problem is not None:  # raised outside the handlers, so that it chains to nothing
            raise ExchangeFailureError(
                problem.failure,
                problem.code,
                http_status=receipt.status,
                retry_after_seconds=receipt.retry_after_seconds,
            )
        bracket = Bracket(receipt.requested_us, receipt.received_us, receipt.requested_at, receipt.received_at)
        return Answer(receipt.content, receipt.digest, bracket, receipt.connection, receipt.server_at, receipt.used)

    def skip_nonces(self) -> None:
        """After a refused nonce: go on from a later one."""
        options = self._client.options
        options["lastNonce"] = max(int(options.get("lastNonce", 0)), int(self._client.nonce())) + _NONCE_JUMP_MS

    def tell_time_by(self, milliseconds: Callable[[], int]) -> None:
        """From now on signed requests bear this time (UTC ms)."""
        self._client.milliseconds = milliseconds
        self._client.seconds = lambda: milliseconds() // 1000

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()
        await self._transport.close()

    async def _request(self, method: str, params: Mapping[str, object], *, fresh: bool, private: bool) -> None:
        request: Callable[[dict[str, object]], Awaitable[object]] = getattr(self._client, method)
        if not private:
            await request(dict(params))
            return
        async with self._in_order:
            if fresh:
                await self._transport.renew()
            await request(dict(params))

    def _decode(self, text: str) -> object:
        from reconcile_actors.exchanges.transport import RECEIPT  # noqa: PLC0415 - as in `call`

        receipt = RECEIPT.get()
        digest, content = self._remembered
        if not receipt.remember or digest != receipt.digest:
            content = decode(text)
        if receipt.remember:
            self._remembered = (receipt.digest, content)
        receipt.content, receipt.decoded = content, True
        return content

    def _judge(self, receipt: "Receipt", error: Exception | None) -> Verdict | None:
        """What the exchange says of itself counts first, then the status, then what ccxt made of it."""
        own = self._explain(receipt.content) if receipt.decoded else None
        if own is not None:
            return own
        if receipt.status is None:
            return by_exception(error) if error is not None else Verdict(FailureClass.BAD_DATA, "no_response")
        status = by_status(receipt.status)
        if status is not None:
            return status
        if not receipt.decoded:
            return (
                by_exception(error)
                if isinstance(error, UnicodeDecodeError)
                else Verdict(FailureClass.BAD_DATA, "not_json")
            )
        return by_exception(error) if error is not None else None


async def open_client(
    exchange_id: str,
    credentials: Credentials,
    *,
    clocks: Clocks,
    explain: Explain,
    base_url: str | None = None,
    proxy: str | None = None,
    ca_file: Path | None = None,
) -> CcxtClient:
    """A client of ccxt's class `exchange_id`; connects at its first call. Raises ConfigError for a bad `ca_file`."""
    client, transport = await make_client(
        exchange_id, credentials, clocks=clocks, base_url=base_url, proxy=proxy, ca_file=ca_file
    )
    return CcxtClient(client, transport, explain)


async def make_client(
    exchange_id: str,
    credentials: Credentials,
    *,
    clocks: Clocks,
    base_url: str | None = None,
    proxy: str | None = None,
    ca_file: Path | None = None,
) -> tuple[Any, "Transport"]:
    """ccxt's own object with our settings, and the transport that it speaks through. Raises ConfigError for a bad `ca_file`."""
    make, transport_class = await on_own_thread(lambda: _load(exchange_id), name="reconcile-load")
    needs_tls = base_url is None or base_url.startswith("https://")
    tls = await on_own_thread(lambda: tls_context(ca_file), name="reconcile-load") if needs_tls else None
    transport = transport_class(clocks, base_url=base_url, proxy=proxy, tls=tls)
    keys = {"apiKey": credentials.api_key.get_secret_value(), "secret": credentials.secret.get_secret_value()}
    if credentials.password is not None:
        keys["password"] = credentials.password.get_secret_value()
    client = make({**_SETTINGS, **keys, "session": transport})
    client.ssl_context = tls or False  # else ccxt makes a context of its own, which nothing would use
    client.logger = _silent_logger()
    return client, transport


def _load(exchange_id: str) -> tuple[Callable[[dict[str, object]], Any], type["Transport"]]:
    import ccxt.async_support  # noqa: PLC0415 - a second of work, only where an account is read

    from reconcile_actors.exchanges.transport import Transport  # noqa: PLC0415 - the same, for aiohttp

    return getattr(ccxt.async_support, exchange_id), Transport


def _silent_logger() -> logging.Logger:
    # At DEBUG ccxt logs requests and responses whole. Not registered, so no configuration of the host can wake it.
    logger = logging.Logger("ccxt", level=logging.CRITICAL)  # noqa: LOG001 - a registered one could be switched on
    logger.disabled = True
    return logger
