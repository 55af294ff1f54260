"""The benchmarks still run: each figure once at a size that costs next to nothing. Their numbers are not looked at."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from tests.bench.__main__ import main
from tests.bench.figure import Bound, Figure, Line, Size, Spread, Target
from tests.bench.figures import FIGURES
from tests.bench.table import number, sources, table


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_each_figure_gives_its_lines(figure: Figure, tmp_path: Path) -> None:
    """A figure measures at the tiny size, and every line has a name, a whole spread and, with a ratio target, a baseline."""
    lines = figure.measure(Size.TINY, tmp_path)
    assert lines
    for line in lines:
        assert line.name
        assert line.ours.low <= line.ours.median <= line.ours.high
        assert (line.met is None) == (line.target is None)


def test_baselines_are_small() -> None:
    """A bare script is what a person would write at once: at most 40 lines, shown whole with the numbers."""
    files = {file for figure in FIGURES.values() for file in figure.baselines}
    assert files
    for file in files:
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 40
        assert file.read_text(encoding="utf-8").strip() in sources(list(FIGURES.values()))


def test_the_command_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    """The command prints the table to stdout, its progress to stderr, and writes the same numbers as a document."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        main(["messages", "--tiny", "--json", str(tmp_path / "var" / "bench.json")])
    document = json.loads((tmp_path / "var" / "bench.json").read_text(encoding="utf-8"))
    assert document["schema"] == "reconcile-actors/bench/1"
    assert [line["name"] for line in document["figures"]["messages"]] == [
        "tell, sent and handled",
        "ask, there and back",
    ]
    assert "tell, sent and handled" in out.getvalue()
    assert "== bare: bare_pykka ==" in out.getvalue()
    assert err.getvalue().startswith("messages: ")


@pytest.mark.parametrize(
    ("target", "met"),
    [
        (None, None),
        (Target(Bound.VALUE_BELOW, 3), True),
        (Target(Bound.HIGHEST_BELOW, 3), False),
        (Target(Bound.RATIO_BELOW, 2), True),
        (Target(Bound.RATIO_BELOW, 1.4), False),
    ],
)
def test_targets_are_judged(target: Target | None, met: bool | None) -> None:
    """A target bounds the median, the highest or the ratio of the medians, and the table says whether it is met."""
    line = Line("a thing", "ms", Spread.of([1, 3, 5]), Spread.of([2]), target, "said once")
    assert line.ratio == 1.5
    assert line.met is met
    text = table({"figure": [line, line]})
    assert text.count("said once") == 1
    assert ("  NO" in text) is (met is False)


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1,234"), (12.34, "12.3"), (1.234, "1.23"), (0.01234, "0.012"), (2.0, "2")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    """A number shows about three figures."""
    assert number(value) == text
