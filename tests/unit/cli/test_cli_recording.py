"""Recording from a stream: lines of any size, in order, answered as they come."""

import asyncio
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile_actors.cli import recording
from reconcile_actors.cli.recording import daemon_sender, record_lines, split_lines
from reconcile_actors.console import intake
from reconcile_actors.console.views import Document
from reconcile_actors.errors import NoDaemonError
from reconcile_actors.messages.wire import parse_message
from tests.unit.cli.cli_fakes import FILL, Cli, names, piped, put_fake_system
from tests.unit.console.console_fakes import FakeSystem, settings_in


@given(st.lists(st.binary(max_size=20).map(lambda one: one.replace(b"\n", b"").replace(b"\r", b""))), st.data())
def test_lines_do_not_depend_on_how_they_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    """Whatever pieces the system hands out, the same lines come, empty ones too."""
    text = b"".join(line + b"\n" for line in lines)
    pieces: list[bytes] = []
    while text:
        size = data.draw(st.integers(1, len(text)))
        pieces.append(text[:size])
        text = text[size:]
    source = iter([*pieces, b""])
    assert list(split_lines(lambda: next(source))) == lines


def test_the_last_line_needs_no_end_and_windows_ends_are_taken() -> None:
    """A file without a final newline, and one from another system."""
    source = iter([b"a\r\nb", b"c", b""])
    assert list(split_lines(lambda: next(source))) == [b"a", b"bc"]


def test_an_endless_line_is_refused_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: what is past the bound is dropped, and the line is still too long to be taken (I12)."""
    monkeypatch.setattr(recording, "_KEPT_BYTES_MAX", 11)
    monkeypatch.setattr(intake, "LINE_BYTES_MAX", 10)
    source = iter([b"x" * 8, b"x" * 8, b"x" * 8 + b"\nok\n", b""])
    first, second = split_lines(lambda: next(source))
    assert (len(first), second) == (11, b"ok")
    with pytest.raises(ValueError, match="longer than 10"):
        intake.parse_record(first)


def test_a_stream_is_recorded_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cli: Cli
) -> None:
    """More lines than fit in one batch, through a pipe, each with its number."""
    system = put_fake_system(monkeypatch, FakeSystem(settings_in(tmp_path))).system
    lines = [FILL % f"T{number}" for number in range(700)]
    with piped("\n".join(lines).encode()) as descriptor:
        assert asyncio.run(record_lines(settings_in(tmp_path), descriptor)) == 0
    assert [one.id for one in system.recorded] == [f"T{number}" for number in range(700)]
    assert len(capsys.readouterr().out.splitlines()) == 700


def test_a_line_that_comes_alone_is_answered_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A trading process that waits for each answer before it sends the next never waits for ever."""
    put_fake_system(monkeypatch, FakeSystem(settings_in(tmp_path)))
    reader, writer = os.pipe()
    answered: list[Document] = []

    def answer(document: Document) -> None:
        answered.append(document)
        if len(answered) < 3:
            os.write(writer, (FILL % f"T{len(answered)}").encode() + b"\n")
        else:
            os.close(writer)

    monkeypatch.setattr(recording.output, "print_line", answer)
    os.write(writer, (FILL % "T0").encode() + b"\n")
    assert asyncio.run(record_lines(settings_in(tmp_path), reader)) == 0
    os.close(reader)
    assert names(answered) == ["recorded"] * 3


def test_a_recording_that_is_cancelled_leaves_no_error_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its reading thread, which cannot be cancelled, ends in silence when a line comes too late."""
    put_fake_system(monkeypatch, FakeSystem(settings_in(tmp_path)))
    reader, writer = os.pipe()

    async def play() -> bool:
        task = asyncio.create_task(record_lines(settings_in(tmp_path), reader))
        await asyncio.sleep(0)  # it runs up to where it waits for a line
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return task.cancelled()

    assert asyncio.run(play())
    (thread,) = (one for one in threading.enumerate() if one.name == "lines")
    os.write(writer, b"late\n")
    thread.join(10)
    assert not thread.is_alive()
    os.close(writer)
    os.close(reader)


class OneAtATime:
    """A daemon that takes what it is sent and remembers how it came."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def post(self, lines: Sequence[bytes], *, timeout_seconds: float) -> list[Document]:
        if self.sizes and self.sizes[-1] < 0:
            raise NoDaemonError("gone")
        self.sizes.append(len(lines))
        return [{"line": number, "status": "recorded", "reason": None} for number, _ in enumerate(lines, start=1)]


def test_big_batches_travel_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent at once stays below what the daemon takes."""
    monkeypatch.setattr(recording, "_BATCH_BYTES_MAX", 600)
    daemon = OneAtATime()
    records = [parse_message(FILL % f"T{number}") for number in range(5)]
    answers = asyncio.run(daemon_sender(daemon)(records))  # type: ignore[arg-type]  # a stand-in for DaemonClient
    assert len(answers) == 5
    assert sum(daemon.sizes) == 5
    assert len(daemon.sizes) > 1
