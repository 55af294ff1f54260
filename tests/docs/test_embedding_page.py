"""docs/embedding.md: its programs run as they stand, print what it shows, and what it quotes is what they are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
QUOTED = re.findall(r"<!-- from: (\S+) -->\n```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("program", ["docs/examples/bot_asyncio.py", "docs/examples/bot_threads.py"])
def test_the_programs_print_what_is_shown(program: str, tmp_path: Path) -> None:
    """A lost fill is found, repaired and gone, and the bot agrees with the exchange; a theft is found, and trading stands still."""
    shown = re.search(rf"<!-- output of: {program} -->\n```text\n(.*?)```", PAGE, re.DOTALL)
    assert shown is not None
    done = subprocess.run(
        [sys.executable, str(ROOT / program)], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    # which of two currencies is found first, and whether history names a theft by then, is the exchange's affair
    lines = done.stdout.replace("unexplained", "missed_withdrawal").splitlines()
    assert sorted(lines) == sorted(shown[1].splitlines())
    assert lines[-1] == shown[1].splitlines()[-1]


@pytest.mark.parametrize(("file", "text"), QUOTED)
def test_what_is_quoted_is_what_runs(file: str, text: str) -> None:
    """Each block of the page stands in its program, line by line; a method is shown without its class's indent."""
    assert _lines(text) in _lines((ROOT / file).read_text(encoding="utf-8"))


def _lines(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines() if line.strip()) + "\n"
