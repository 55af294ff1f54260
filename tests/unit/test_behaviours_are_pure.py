"""A behaviour's time, chance and I/O come through its context: the code of behaviours is searched for anything else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import reconcile_actors

PACKAGE = Path(reconcile_actors.__file__).parent
BEHAVIOURS = sorted((PACKAGE / "actors").rglob("*.py")) + [
    PACKAGE / "kernel" / name for name in ("supervisor.py", "child.py", "circuit_breaker.py")
]
MODULES = {"time", "random", "asyncio", "threading", "secrets", "uuid"}
ALLOWED = {"random": {"Random"}}  # the type of `context.random`
CLOCK_CALLS = {"now", "utcnow", "today", "fromtimestamp"}
CLOCK_OWNERS = {"datetime", "date"}


def impurities(source: str) -> list[str]:
    """Lines of a module that read a clock, draw a number, wait, or start a thread by themselves."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [f"{node.lineno}: import {name.name}" for name in node.names if name.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and (module := (node.module or "").split(".")[0]) in MODULES:
            names = {name.name for name in node.names} - ALLOWED.get(module, set())
            found += [f"{node.lineno}: from {module} import {name}" for name in sorted(names)]
        elif isinstance(node, ast.Call):
            found += _impure_call(node)
    return found


def _impure_call(node: ast.Call) -> list[str]:
    function = node.func
    if isinstance(function, ast.Name) and function.id in {"Random", "open", "__import__"}:
        return [f"{node.lineno}: {function.id}(...)"]
    if isinstance(function, ast.Attribute) and function.attr in CLOCK_CALLS:
        owner = function.value
        name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
        return [f"{node.lineno}: {name}.{function.attr}(...)"] if name in CLOCK_OWNERS else []
    return []


@pytest.mark.parametrize("path", BEHAVIOURS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_behaviours_are_pure(path: Path) -> None:
    """No behaviour reads a clock, draws a number, waits, or starts a thread except through its context."""
    assert impurities(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "import asyncio.events",
        "from random import choice",
        "from time import monotonic",
        "from random import Random\nRandom(1)",
        "from datetime import datetime\ndatetime.now()",
        "import datetime\ndatetime.date.today()",
        "import datetime\ndatetime.datetime.utcnow()",
        "open('x')",
    ],
)
def test_the_search_finds(source: str) -> None:
    """Each of the ways around the context is seen."""
    assert len(impurities(source)) == 1


def test_the_search_lets_pass() -> None:
    """Types may be named, and values computed with."""
    assert impurities("from random import Random\nfrom datetime import datetime, timedelta\nx = context.utc()") == []
