"""Where requests go after signing, and how much of an answer is taken."""

import asyncio
from collections.abc import Iterator

import pytest
import yarl
from aiohttp import web

from reconcile_actors.exchanges import transport as module
from reconcile_actors.exchanges.transport import RECEIPT, BodyTooLargeError, Receipt, Transport, redirected
from tests.unit.exchanges.exchange_fakes import START_US, VirtualTime
from tests.unit.exchanges.http_server import saying, serving


@pytest.fixture(autouse=True)
def receipt() -> Iterator[Receipt]:
    """Every request is noted in a receipt, as a client's call would provide it."""
    one = Receipt()
    token = RECEIPT.set(one)
    yield one
    RECEIPT.reset(token)


@pytest.mark.parametrize(
    ("url", "base", "target"),
    [
        ("https://api.kraken.com/0/private/BalanceEx", None, "https://api.kraken.com/0/private/BalanceEx"),
        ("https://api.kraken.com/0/x?a=%2Cb", "http://127.0.0.1:9", "http://127.0.0.1:9/api.kraken.com/0/x?a=%2Cb"),
        ("https://api.kraken.com:8443/0/x", "http://127.0.0.1:9/", "http://127.0.0.1:9/api.kraken.com:8443/0/x"),
        ("https://api.kraken.com", "https://proxy.example/k", "https://proxy.example/k/api.kraken.com"),
    ],
)
def test_redirected(url: str, base: str | None, target: str) -> None:
    """A request for U goes to base_url/HOST(U)/PATH(U)?QUERY(U), the host with its port, nothing encoded anew."""
    assert redirected(url, base) == target


def test_a_request_goes_to_the_base_url_and_is_stamped(receipt: Receipt) -> None:
    """Method, body and headers arrive as given; the receipt tells when, how and what came back."""

    async def main() -> None:
        time = VirtualTime(passed_us=5)
        async with serving(saying("{}", headers={"Retry-After": "7"})) as server:
            transport = Transport(time.clocks, base_url=server.url, proxy=None, tls=None)
            url = yarl.URL("https://host/a?b=c", encoded=True)
            async with transport.post(url, data=b"body", headers={"API-Key": "k"}) as answer:
                assert (answer.status, answer.reason, await answer.text()) == (200, "OK", "{}")
            async with transport.get(url) as answer:
                assert await answer.text(errors="replace") == "{}"
            await transport.close()
            [(path, headers, body), _] = server.requests
        assert (path, headers["API-Key"], body) == ("/host/a?b=c", "k", "body")

    asyncio.run(main())
    assert receipt.requested_us == receipt.received_us == START_US + 5
    assert (receipt.status, receipt.retry_after_seconds, receipt.connection) == (200, 7.0, 1)
    assert receipt.server_at is not None
    assert receipt.digest == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_redirects_are_not_followed() -> None:
    """An answer that points elsewhere is an answer: the key does not travel on."""

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/elsewhere")

    async def main() -> None:
        async with serving(elsewhere) as server:
            transport = Transport(VirtualTime().clocks, base_url=server.url, proxy=None, tls=None)
            async with transport.post(yarl.URL("https://host/a")) as answer:
                assert answer.status == 302
            await transport.close()
            assert len(server.requests) == 1

    asyncio.run(main())


def test_a_body_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more is read than an exchange would send."""
    monkeypatch.setattr(module, "BODY_BYTES_MAX", 100)

    async def main() -> None:
        async with serving(saying("x" * 101)) as server:
            transport = Transport(VirtualTime().clocks, base_url=server.url, proxy=None, tls=None)
            with pytest.raises(BodyTooLargeError):
                async with transport.get(yarl.URL("https://host/a")):
                    pytest.fail("a body that is too large was given")
            await transport.close()

    asyncio.run(main())


def test_a_renewed_transport_connects_anew(receipt: Receipt) -> None:
    """Connections are kept until renewed; the count tells them apart."""

    async def main() -> None:
        async with serving(saying("{}")) as server:
            transport = Transport(VirtualTime().clocks, base_url=server.url, proxy=None, tls=None)
            for renew, connection in ((False, 1), (False, 1), (True, 2), (False, 2)):
                if renew:
                    await transport.renew()
                async with transport.get(yarl.URL("https://host/a")):
                    assert receipt.connection == connection
            await transport.close()
            await transport.close()
            assert len(server.peers) == 2

    asyncio.run(main())


def test_a_proxy_gets_every_request() -> None:
    """With a proxy configured, the request is sent to it and names its target."""

    async def main() -> None:
        async with serving(saying("{}")) as proxy:
            transport = Transport(VirtualTime().clocks, base_url="http://127.0.0.1:1", proxy=proxy.url, tls=None)
            async with transport.get(yarl.URL("https://host/a")) as answer:
                assert answer.status == 200
            await transport.close()
            assert len(proxy.requests) == 1

    asyncio.run(main())


def test_bytes_that_are_no_text_are_not_guessed() -> None:
    """What is not UTF-8 raises instead of being replaced."""

    async def binary(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"\xff\xfe{}", content_type="application/json")

    async def main() -> None:
        async with serving(binary) as server:
            transport = Transport(VirtualTime().clocks, base_url=server.url, proxy=None, tls=None)
            async with transport.get(yarl.URL("https://host/a")) as answer:
                with pytest.raises(UnicodeDecodeError):
                    await answer.text(errors="replace")
            await transport.close()

    asyncio.run(main())


def test_nothing_of_a_body_shows_in_a_repr() -> None:
    """Neither the answer nor the receipt shows content to a log or a traceback."""
    answer = module._Answer(200, "OK", {}, b"canary")
    assert "canary" not in f"{answer!r} {Receipt(content='canary')!r}"
