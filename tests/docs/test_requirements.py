"""docs/requirements.md: every requirement of the user is there, and every test that it names exists."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
REQUIREMENTS = (
    *(f"FR-{number}" for number in range(1, 6)),
    *(f"NFR-{number}" for number in range(1, 5)),
    "Metrics",
    "Environment",
    "Components",
    "Integration",
    "Tests",
)


def _tests_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return functions | assigned


def test_every_test_that_is_named_exists() -> None:
    """A requirement is shown by a test, not by a name that once was one."""
    lacking = [
        f"{path}::{name}" for path, name in NAMED if not (ROOT / path).exists() or name not in _tests_in(ROOT / path)
    ]
    assert NAMED
    assert lacking == []


def test_every_failure_is_shown() -> None:
    """Each row of "When something fails" names a test that exists."""
    section = ARCHITECTURE.split("## When something fails")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and "---" not in line][1:]
    named = [re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row) for row in rows]
    assert len(rows) > 10
    assert all(named)
    assert [one for row in named for one in row if one[1] not in _tests_in(ROOT / one[0])] == []


def test_every_requirement_is_listed() -> None:
    """None of the user's requirements was forgotten."""
    assert [one for one in REQUIREMENTS if f"## {one}" not in PAGE] == []


def test_every_row_says_how_it_is_shown() -> None:
    """Each row names a test, a figure, or says plainly that it is not built yet."""
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| requirement")]
    bare = [row for row in rows if not re.search(r"`tests/|`make |not built yet|^\| ---", row)]
    assert bare == []
