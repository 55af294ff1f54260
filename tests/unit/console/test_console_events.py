"""Server-sent events, from the stream itself and through the real server."""

import asyncio
import json
from pathlib import Path

import pytest

from reconcile_actors.console import stream
from reconcile_actors.console.server import ConsoleServer
from reconcile_actors.errors import UsageError
from reconcile_actors.messages import DiscrepancyConfirmed, DiscrepancyDetected, ExchangeRecovered
from tests.unit.console.console_fakes import NOON, FakeSystem, discrepancy, settings_in


async def _get(path: Path, target: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head
    assert b"text/event-stream" in head
    return reader, writer


async def _frame(reader: asyncio.StreamReader) -> list[str]:
    """The lines of the next frame, without the chunk sizes of HTTP."""
    text = (await reader.readuntil(b"\n\n")).decode()
    await reader.readline()
    return [line for line in text.splitlines()[1:] if line]


def test_a_client_gets_the_events_that_it_asked_for(tmp_path: Path) -> None:
    """With `?types=` only those events come, each with its type and its JSON."""

    async def play() -> None:
        system = FakeSystem(settings_in(tmp_path))
        async with ConsoleServer(system) as console:
            reader, writer = await _get(console.path, "/api/v1/events?types=DiscrepancyConfirmed,ExchangeRecovered")
            assert await _frame(reader) == [": listening"]
            system.publish(DiscrepancyDetected(at=NOON, discrepancy=discrepancy()))
            system.publish(DiscrepancyConfirmed(at=NOON, discrepancy=discrepancy()))
            system.publish(ExchangeRecovered(at=NOON, exchange="main"))
            first, second = await _frame(reader), await _frame(reader)
            assert first[0] == "event: DiscrepancyConfirmed"
            data = json.loads(first[1].removeprefix("data: "))
            assert data["discrepancy"]["difference"] == "-0.5"
            assert data["at"] == "2026-01-01T12:00:00.000000Z"
            assert second[0] == "event: ExchangeRecovered"
            writer.close()

    asyncio.run(play())


def test_a_listening_client_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """The server's end ends its streams: a client that never hangs up costs no grace period."""

    async def play() -> None:
        system = FakeSystem(settings_in(tmp_path))
        async with ConsoleServer(system) as console:
            reader, writer = await _get(console.path, "/api/v1/events")
            await _frame(reader)
        assert (await reader.read()).endswith(b"0\r\n\r\n")
        writer.close()
        assert not console.path.exists()

    asyncio.run(play())


def test_silence_is_told_from_death(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing happens a comment comes, so that a dead connection is noticed at both ends."""
    monkeypatch.setattr(stream, "KEEPALIVE_SECONDS", 0)

    async def play() -> None:
        frames = stream.stream(FakeSystem(settings_in(tmp_path)), (), asyncio.Event())
        assert await anext(frames) == ": listening\n\n"
        assert await anext(frames) == ": still here\n\n"
        await frames.aclose()  # type: ignore[attr-defined]  # an asynchronous generator

    asyncio.run(play())


def test_a_system_that_ends_ends_the_stream(tmp_path: Path) -> None:
    """When the system publishes no more, the stream ends instead of waiting for ever."""

    class Ending(FakeSystem):
        async def events(self, *types):  # type: ignore[no-untyped-def]  # as the fake's own
            yield DiscrepancyConfirmed(at=NOON, discrepancy=discrepancy())

    async def play() -> None:
        frames = [one async for one in stream.stream(Ending(settings_in(tmp_path)), (), asyncio.Event())]
        assert len(frames) == 2

    asyncio.run(play())


def test_types_are_checked() -> None:
    """A type that is no event is refused with the known ones; none means all."""
    assert stream.types_of(None) == ()
    assert stream.types_of("DiscrepancyConfirmed, ") == (DiscrepancyConfirmed,)
    with pytest.raises(UsageError, match="ActorRestarted"):
        stream.types_of("RecordFill")
