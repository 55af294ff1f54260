"""docs/embedding.md: its programs run as they stand, print what it shows, and what it quotes is what they are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
QUOTED = re.findall(r"<!-- from: (\S+) -->\n```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("program", ["bot_asyncio.py", "bot_threads.py"])
def test_the_programs_print_what_is_shown(program: str, tmp_path: Path) -> None:
    """The bot loses a fill, the service finds it, the bot mends its book, and both agree with the exchange at the end."""
    shown = re.search(r"<!-- output of the examples -->\n```text\n(.*?)```", PAGE, re.DOTALL)
    assert shown is not None
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "examples" / program)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    # which of two currencies is found first is the exchange's affair
    assert sorted(done.stdout.splitlines()) == sorted(shown[1].splitlines())
    assert done.stdout.splitlines()[-1] == shown[1].splitlines()[-1]


@pytest.mark.parametrize(("file", "text"), QUOTED)
def test_what_is_quoted_is_what_runs(file: str, text: str) -> None:
    """Each block of the page stands in its program, letter by letter."""
    assert text in (ROOT / file).read_text(encoding="utf-8")
