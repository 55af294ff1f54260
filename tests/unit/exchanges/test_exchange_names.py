"""Names are looked up by each account for itself."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from reconcile_actors.exchanges.names import OwnResolver

PATIENCE_SECONDS = 30


@pytest.fixture
def dead_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A name server that never answers for `dead.invalid`."""
    look_up, release = socket.getaddrinfo, threading.Event()

    def getaddrinfo(host: str, *rest: Any, **options: Any) -> Any:
        if host == "dead.invalid":
            release.wait()
            raise socket.gaierror
        return look_up(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    release.set()


def test_forty_dead_names_do_not_delay_the_forty_first(dead_names: None) -> None:
    """More lookups hang than any pool has threads; another account's name is found all the same."""

    async def run() -> str:
        resolvers = [OwnResolver() for _ in range(40)]
        stuck = [asyncio.ensure_future(one.resolve("dead.invalid", 443)) for one in resolvers for _ in range(3)]
        await asyncio.sleep(0)
        good = OwnResolver()
        async with asyncio.timeout(PATIENCE_SECONDS):
            (found, *_) = await good.resolve("localhost", 443)
        for one in stuck:
            one.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)
        for one in (*resolvers, good):
            await one.close()
        assert (found["hostname"], found["port"], found["family"]) == ("localhost", 443, socket.AF_INET)
        return found["host"]

    assert asyncio.run(run()) == "127.0.0.1"


def test_a_name_that_does_not_exist_is_an_error_of_the_system() -> None:
    """It leaves as it came, to be classified like any other failure of the network."""

    async def run() -> None:
        resolver = OwnResolver()
        try:
            await resolver.resolve("nowhere.invalid", 443)
        finally:
            await resolver.close()

    with pytest.raises(OSError):  # noqa: PT011 the system's own text varies
        asyncio.run(run())
