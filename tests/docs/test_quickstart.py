"""docs/quickstart.md: a newcomer who does what it says, in its order, arrives."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from reconcile_actors.simulation import SimulatedKraken

PAGE: Final = (Path(__file__).parents[2] / "docs" / "quickstart.md").read_text(encoding="utf-8")
PROGRAM: Final = (sys.executable, "-m", "reconcile_actors")
_BLOCK: Final = re.compile(r"<!-- (run|run: record|daemon|file: config\.toml) -->\n```\w+\n(.*?)```", re.DOTALL)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory with the key files that the page asks for; yields it while the exchange runs."""
    with SimulatedKraken.start_in_thread(seed=5, lifetime_seconds=90) as kraken:
        kraken.account.deposit("XXBT", Decimal("1.5"))
        kraken.account.deposit("ZUSD", Decimal(5000))
        for name, text in (("kraken.key", kraken.keys.api_key), ("kraken.secret", kraken.keys.secret)):
            (tmp_path / name).touch(mode=0o600)
            (tmp_path / name).write_text(text)
        (tmp_path / "base_url").write_text(kraken.base_url)
        yield tmp_path


def _environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("RECONCILIATION_")}


def _run(command: str, place: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    words = shlex.split(command)
    assert words.pop(0) == "reconcile-actors", command
    return subprocess.run(
        (*PROGRAM, *words),
        cwd=place,
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=_environ(),
    )


def _write_config(content: str, place: Path) -> None:
    table = f'[exchanges.kraken-main]\nbase_url = "{(place / "base_url").read_text()}"'
    (place / "config.toml").write_text(content.replace("[exchanges.kraken-main]", table))


def _start(content: str, place: Path) -> subprocess.Popen[str]:
    words = shlex.split(content.strip().removeprefix("$ "))[1:]
    daemon = subprocess.Popen((*PROGRAM, *words), cwd=place, stderr=subprocess.PIPE, text=True, env=_environ())
    assert daemon.stderr is not None
    while "listening" not in (line := daemon.stderr.readline()):
        assert line, "the daemon ended"
    return daemon


def _do(content: str, place: Path) -> None:
    for command in re.findall(r"^\$ (.*)$", content, re.MULTILINE):
        done = _run(command, place)
        assert done.returncode == 0, (command, done.stdout, done.stderr)


def _record(content: str, place: Path) -> None:
    command, told = content.split(" <<'EOT'\n")
    lines, answers = told.split("EOT\n")
    done = _run(command.removeprefix("$ "), place, lines)
    assert [json.loads(one) for one in done.stdout.splitlines()] == [json.loads(one) for one in answers.splitlines()]


def test_the_page_can_be_followed(place: Path) -> None:
    """Every command of the page, in its order, beside the daemon that it starts, ends with 0 and prints what is shown."""
    blocks = _BLOCK.findall(PAGE)
    assert [kind for kind, _ in blocks].count("run") >= 5
    daemon: subprocess.Popen[str] | None = None
    try:
        for kind, content in blocks:
            match kind:
                case "file: config.toml":
                    _write_config(content, place)
                case "daemon":
                    daemon = _start(content, place)
                case "run: record":
                    _record(content, place)
                case _:
                    _do(content, place)
        assert daemon is not None
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(15) == 143
    finally:
        if daemon is not None:
            daemon.kill()
            daemon.wait()
            assert daemon.stderr is not None
            daemon.stderr.close()
