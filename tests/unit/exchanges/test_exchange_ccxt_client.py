"""A real ccxt client against a server on loopback: what it keeps, what it tells, what it lets out."""

import asyncio
import logging
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import ccxt.async_support
import pytest
from aiohttp import web
from pydantic import SecretStr

from reconcile_actors.errors import ConfigError
from reconcile_actors.exchanges import ccxt_client as module
from reconcile_actors.exchanges.ccxt_client import CcxtClient, open_client
from reconcile_actors.exchanges.clocks import Clocks
from reconcile_actors.exchanges.credentials import Credentials
from reconcile_actors.exchanges.kraken.errors import explain
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass
from tests.unit.exchanges.exchange_fakes import SECRET
from tests.unit.exchanges.http_server import Handler, Server, never, saying, serving

KEY = "canary-api-key"
BALANCE = "privatePostBalanceEx"


@asynccontextmanager
async def client_of(handler: Handler) -> AsyncIterator[tuple[CcxtClient, Server]]:
    async with serving(handler) as server:
        client = await open_client(
            "kraken",
            Credentials(SecretStr(KEY), SecretStr(SECRET), SecretStr("pass")),
            clocks=Clocks(),
            explain=explain,
            base_url=server.url,
        )
        try:
            yield client, server
        finally:
            await client.close()


def failure_of(handler: Handler, method: str = BALANCE, timeout: float = 5.0) -> ExchangeFailureError:
    async def main() -> ExchangeFailureError:
        async with client_of(handler) as (client, _):
            with pytest.raises(ExchangeFailureError) as caught:
                await client.call(method, {}, timeout_seconds=timeout)
            return caught.value

    return asyncio.run(main())


def test_importing_the_room_loads_neither_ccxt_nor_aiohttp() -> None:
    """Commands that read no exchange do not pay for a client: a second and a hundred megabytes."""
    script = (
        "import sys, reconcile_actors.exchanges.registry\n"
        "print(sorted({'ccxt', 'aiohttp', 'yarl'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_answer_is_whole() -> None:
    """Content without floats, the digest of its bytes, the bracket and the exchange's clock."""

    async def main() -> None:
        async with client_of(saying('{"error": [], "result": {"a": 0.10}}')) as (client, server):
            answer = await client.call(BALANCE, {"b": "c"}, timeout_seconds=5)
            [(path, headers, body)] = server.requests
        assert answer.content == {"error": [], "result": {"a": "0.10"}}
        assert len(answer.digest) == 64
        assert answer.bracket.requested_us <= answer.bracket.received_us
        assert answer.bracket.requested_at <= answer.bracket.received_at
        assert answer.server_at is not None
        assert answer.connection == 1
        assert path == "/api.kraken.com/0/private/BalanceEx"
        assert headers["API-Key"] == KEY
        assert body.startswith("nonce=")
        assert body.endswith("&b=c")

    asyncio.run(main())


def test_equal_bytes_are_decoded_once_where_remembered() -> None:
    """The same body gives the same object; another body, or a call that is not remembered, a new one."""

    async def main() -> None:
        texts = '{"error": [], "a": 1}', '{"error": [], "a": 1}', '{"error": [], "a": 2}', '{"error": [], "a": 2}'
        async with client_of(saying(*texts)) as (client, _):
            got = [await client.call(BALANCE, {}, timeout_seconds=5, remember=True) for _ in range(3)]
            other = await client.call(BALANCE, {}, timeout_seconds=5)
        assert got[0].content is got[1].content
        assert got[2].content == {"error": [], "a": 2}
        assert other.content is not got[2].content
        assert other.content == got[2].content

    asyncio.run(main())


def test_fresh_calls_connect_anew() -> None:
    """A fresh call goes over another connection than the one before."""

    async def main() -> None:
        async with client_of(saying('{"error": []}')) as (client, server):
            connections = [
                (await client.call(BALANCE, {}, timeout_seconds=5, fresh=fresh)).connection
                for fresh in (False, False, True)
            ]
            assert connections == [1, 1, 2]
            assert len(server.peers) == 2

    asyncio.run(main())


def test_private_calls_go_one_at_a_time() -> None:
    """Calls made at once are never under way together, and each has a later nonce; a skipped nonce is far ahead."""
    under_way: list[int] = [0]
    most: list[int] = [0]

    async def counting(request: web.Request) -> web.StreamResponse:
        under_way[0] += 1
        most[0] = max(most[0], under_way[0])
        for _ in range(20):  # turns in which another request could arrive
            await asyncio.sleep(0)
        under_way[0] -= 1
        return web.json_response({"error": []})

    async def main() -> None:
        async with client_of(counting) as (client, server):
            await asyncio.gather(*(client.call(BALANCE, {}, timeout_seconds=5) for _ in range(5)))
            client.skip_nonces()
            await client.call(BALANCE, {}, timeout_seconds=5)
            nonces = [int(body.removeprefix("nonce=")) for _, _, body in server.requests]
        assert most == [1]
        assert nonces == sorted(set(nonces))
        assert nonces[-1] - nonces[-2] >= 590_000

    asyncio.run(main())


def test_public_calls_do_not_wait_for_private_ones() -> None:
    """A slow private call does not hold up a ticker."""

    async def main() -> None:
        async def slow_when_private(request: web.Request) -> web.StreamResponse:
            return await (never if "private" in request.path else saying('{"error": []}'))(request)

        async with client_of(slow_when_private) as (client, server):
            private = asyncio.create_task(client.call(BALANCE, {}, timeout_seconds=60))
            await client.call("publicGetTicker", {"pair": "XBTUSD"}, timeout_seconds=5, private=False)
            assert "/api.kraken.com/0/public/Ticker?pair=XBTUSD" in [path for path, _, _ in server.requests]
            private.cancel()
            with pytest.raises(asyncio.CancelledError):
                await private

    asyncio.run(main())


@pytest.mark.parametrize(
    ("text", "status", "failure", "code"),
    [
        ('{"error": ["EAPI:Invalid key"]}', 200, FailureClass.CREDENTIALS, "invalid_key"),
        ('{"error": ["EAPI:Rate limit exceeded"]}', 520, FailureClass.RATE_LIMIT, "rate_limited"),
        ("<html>canary</html>", 200, FailureClass.BAD_DATA, "not_json"),
        ("", 200, FailureClass.BAD_DATA, "not_json"),
        ("null", 200, FailureClass.BAD_DATA, "not_json"),
        ('{"error": [], "resu', 200, FailureClass.BAD_DATA, "not_json"),
        ('{"error": 5}', 200, FailureClass.BAD_DATA, "unexpected"),
        ('{"error": "EAPI:Invalid key"}', 200, FailureClass.BAD_DATA, "unexpected"),
        ('{"a": 1, "a": 2}', 200, FailureClass.BAD_DATA, "unexpected"),
        ("[" * 100_000, 200, FailureClass.BAD_DATA, "not_json"),
        ("<html>", 403, FailureClass.CONFIGURATION, "http_refused"),
        ("<html>", 429, FailureClass.RATE_LIMIT, "http_too_many_requests"),
        ("<html>", 503, FailureClass.TRANSIENT, "http_server_error"),
        ('{"error": []}', 503, FailureClass.TRANSIENT, "http_server_error"),
        ('{"error": []}', 201, FailureClass.BAD_DATA, "http_unexpected"),
        ('{"error": []}', 302, FailureClass.CONFIGURATION, "http_refused"),
    ],
)
def test_every_bad_answer_is_a_failure(text: str, status: int, failure: FailureClass, code: str) -> None:
    """What the exchange says of itself counts first, then the status, then the content."""
    got = failure_of(saying(text, status=status, headers={"Retry-After": "9"}))
    assert (got.failure, got.code, got.http_status, got.retry_after_seconds) == (failure, code, status, 9.0)


def test_bytes_that_are_no_text() -> None:
    """A body that is not UTF-8 is bad data."""

    async def binary(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"{\xff}", content_type="application/json")

    assert failure_of(binary).code == "not_utf8"


def test_a_body_that_breaks_off_is_transient() -> None:
    """ccxt calls it permanent; it is a connection that was lost."""

    async def torn(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"error": []')
        assert request.transport is not None
        request.transport.abort()
        return response

    assert failure_of(torn).failure is FailureClass.TRANSIENT


def test_silence_ends_with_the_time_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer costs the smaller of the time given and the bound of one try."""
    assert failure_of(never, timeout=0.05).code == "timeout"
    monkeypatch.setattr(module, "TRY_SECONDS", 0.05)
    assert failure_of(never, timeout=60).code == "timeout"
    assert failure_of(never, timeout=-1).failure is FailureClass.TRANSIENT


def test_nobody_listening_is_transient() -> None:
    """A refused connection may come back."""

    async def main() -> None:
        async with serving(saying("")) as server:
            url = server.url
        keys = Credentials(SecretStr(KEY), SecretStr(SECRET))
        client = await open_client("kraken", keys, clocks=Clocks(), explain=explain, base_url=url)
        with pytest.raises(ExchangeFailureError) as caught:
            await client.call(BALANCE, {}, timeout_seconds=5)
        assert (caught.value.failure, caught.value.code) == (FailureClass.TRANSIENT, "connection")
        await client.close()

    asyncio.run(main())


def test_a_failure_chains_to_nothing_and_a_cancellation_holds_nothing() -> None:
    """No cause, no context and no frame of ccxt or aiohttp remains (I7)."""
    got = failure_of(saying("<html>canary-body", status=503))
    assert got.__cause__ is got.__context__ is None
    assert not any(
        "ccxt/" in frame.filename or "aiohttp" in frame.filename for frame in traceback.extract_tb(got.__traceback__)
    )

    async def main() -> None:
        async with client_of(never) as (client, server):
            task = asyncio.create_task(client.call(BALANCE, {}, timeout_seconds=60))
            await server.arrived.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            frames = traceback.extract_tb(caught.value.__traceback__)
            assert not any("ccxt/" in frame.filename for frame in frames)

    asyncio.run(main())


def test_nothing_of_a_call_stays_on_the_client(caplog: pytest.LogCaptureFixture) -> None:
    """After a call ccxt's own memory holds no header, body, URL or answer, and its logger said nothing at DEBUG."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="ccxt.base.exchange")

    async def main() -> None:
        async with client_of(saying('{"error": [], "result": "canary"}')) as (client, _):
            await client.call(BALANCE, {}, timeout_seconds=5)
            inner = client._client
            kept = [getattr(inner, name) for name in dir(inner) if name.startswith("last")]
            assert "canary" not in str([value for value in kept if not callable(value)])
            assert KEY not in str([value for value in kept if not callable(value)])

    asyncio.run(main())
    assert KEY not in caplog.text
    assert "canary" not in caplog.text


def test_tls_trusts_what_is_configured(tmp_path: Path) -> None:
    """Without a base URL the client verifies certificates; a file that holds none is a configuration error."""

    async def opened(ca_file: Path | None) -> None:
        client = await open_client(
            "kraken", Credentials(SecretStr(KEY), SecretStr(SECRET)), clocks=Clocks(), explain=explain, ca_file=ca_file
        )
        await client.close()

    asyncio.run(opened(None))
    for content in ("", "no certificate"):
        file = tmp_path / "ca.pem"
        file.write_text(content)
        with pytest.raises(ConfigError, match="ca_file"):
            asyncio.run(opened(file))
    with pytest.raises(ConfigError, match="ca_file"):
        asyncio.run(opened(tmp_path / "absent"))


def test_the_client_is_ccxt_s_own() -> None:
    """It is a real ccxt client, without markets, limits or words."""

    async def main() -> None:
        async with client_of(saying("{}")) as (client, _):
            inner = client._client
            assert isinstance(inner, ccxt.async_support.kraken)
            assert (inner.enableRateLimit, inner.verbose, inner.markets) == (False, False, None)

    asyncio.run(main())
