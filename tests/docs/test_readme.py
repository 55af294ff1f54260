"""README.md: its two commands exist, and its examples run and print what it shows."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from reconcile_actors.simulation import SimulatedKraken

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAM = (sys.executable, "-m", "reconcile_actors")


def _block(marker: str) -> str:
    """The fenced block that follows a marker."""
    found = re.search(rf"<!-- {re.escape(marker)} -->\n```\w*\n(.*?)```", README, re.DOTALL)
    assert found is not None, marker
    return found[1]


def _shape(text: str) -> list[str]:
    """Lines with what differs from run to run (times, ids, pairs, names) put aside."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "TRADE", text)
    text = re.sub(r"(buy|sell) \S+/\S+", "SIDE PAIR", text)
    text = re.sub(r"(found after .*)\((missed_\w+|unexplained)\)", r"\1(CAUSE)", text)
    text = re.sub(r"spot:\w+:total:\d+", "LEG", text)
    text = re.sub(r"in [A-Z]{3,4}\b", "in CODE", text)
    text = re.sub(r"\d+(\.\d+)?", "N", text)
    kept = (re.sub(r"\s+", " ", line).strip() for line in text.splitlines())
    return sorted({line for line in kept if line})


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Path]:
    """A directory with the configuration that the examples speak of."""
    with SimulatedKraken.start_in_thread(seed=5, lifetime_seconds=60) as kraken:
        kraken.account.deposit("XXBT", Decimal("1.5"))
        for name, text in (("key", kraken.keys.api_key), ("secret", kraken.keys.secret)):
            (tmp_path / name).touch(mode=0o600)
            (tmp_path / name).write_text(text)
        (tmp_path / "config.toml").write_text(
            '[exchanges.kraken-main]\nid = "kraken"\napi_key_file = "key"\nsecret_file = "secret"\n'
            f'base_url = "{kraken.base_url}"\n'
        )
        yield tmp_path


def _run(command: tuple[str, ...], place: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RECONCILIATION_")}
    return subprocess.run(
        command, cwd=place, input=text, capture_output=True, text=True, timeout=60, check=False, env=environ
    )


def test_the_two_commands_are_targets() -> None:
    """`make demo` and `make test` are what the Makefile offers."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in re.findall(r"^\$ make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{command}:", makefile, re.MULTILINE), command


def test_the_demo_prints_what_is_shown(tmp_path: Path) -> None:
    """A newcomer sees on the screen what the README promised."""
    done = _run((*PROGRAM, "demo", "--ci"), tmp_path)
    assert done.returncode == 0, done.stderr
    assert _shape(done.stdout) == _shape(_block("output of: reconcile-actors demo"))


def test_the_record_example(workplace: Path) -> None:
    """The line that is shown is recorded, and answered as shown."""
    block = _block("run: record")
    lines = re.findall(r"^\{.*\}$", block, re.MULTILINE)
    message, answer = lines
    done = _run((*PROGRAM, "portfolio", "record", "-c", "config.toml"), workplace, message + "\n")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [json.loads(answer)]


def test_the_embedding_example(workplace: Path) -> None:
    """The program that is shown runs as it stands, and its account matches."""
    done = _run((sys.executable, "-c", _block("run: embed")), workplace)
    assert (done.stdout.strip(), done.stderr) == ("matched", "")


def test_the_commands_of_a_first_use(workplace: Path) -> None:
    """init, config check, import and once, in the order that is shown, end balanced."""
    config = (workplace / "config.toml").read_text()
    (workplace / "config.toml").unlink()
    shown = re.findall(r"^\$ reconcile-actors ([^#\n]+)", README.split("## Use it on an account")[1], re.MULTILINE)
    commands = [one.split() for one in shown if one.split()[0] in {"init", "config", "once"} or "import" in one]
    assert [one[0] for one in commands] == ["init", "config", "portfolio", "once"]
    for command in commands:
        done = _run((*PROGRAM, *command), workplace)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        if command[0] == "init":
            (workplace / "config.toml").write_text(config)
