"""How much memory accounts take over the import of ccxt: resident set of a client's process, the exchange in another one."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench.exchange import ROOT, Exchange
from tests.bench.figure import Bound, Figure, Line, Size, Spread, Target, baseline
from tests.bench.service import make_settings

_MEGABYTE = 1e6
_MARKETS = ("AssetPairs", "Assets")


def measure(size: Size, directory: Path) -> Sequence[Line]:
    """See the figure."""
    names = [f"a{place}" for place in range(size.pick(20, 2))]
    modules: list[float] = []
    first: list[float] = []
    both: list[float] = []
    further: list[float] = []
    bare_first: list[float] = []
    bare_further: list[float] = []
    with Exchange(names, currencies=size.pick(50, 3)) as exchange:
        for run in range(size.pick(3, 1)):
            before = _markets_asked(exchange)
            one, many = (_ours(exchange, directory / f"{run}-{len(some)}", some) for some in (names[:1], names))
            assert _markets_asked(exchange) == before, "balances need no markets"
            modules.append(one["modules"] - one["imported"])
            first.append(one["open"] - one["modules"])
            both.append(one["open"] - one["imported"])
            further.append((many["open"] - one["open"]) / (len(names) - 1))
            bare_one, bare_many = (_bare(exchange, some) for some in (names[:1], names))
            bare_first.append(bare_one["open"] - bare_one["imported"])
            bare_further.append((bare_many["open"] - bare_one["open"]) / (len(names) - 1))
    note = "the bare script has 7 markets to load here; Kraken has more than a thousand"
    return [
        Line("modules: pydantic, sqlite, loguru and the service's own", "MB", _spread(modules)),
        Line("first account, over ccxt and these modules", "MB", _spread(first), _spread(bare_first), _below(10), note),
        Line("first account and modules, over ccxt alone", "MB", _spread(both), _spread(bare_first), _below(10), note),
        Line(f"each further account, of {len(names)}", "MB", _spread(further), _spread(bare_further), _below(1), note),
    ]


def _markets_asked(exchange: Exchange) -> int:
    requests = exchange.requests()
    return sum(requests.get(endpoint, 0) for endpoint in _MARKETS)


def _below(megabytes: float) -> Target:
    return Target(Bound.VALUE_BELOW, megabytes)


def _spread(samples: Sequence[float]) -> Spread:
    return Spread.of([one / _MEGABYTE for one in samples])


def _ours(exchange: Exchange, directory: Path, names: Sequence[str]) -> dict[str, int]:
    directory.mkdir()
    make_settings(directory, exchange.base_url, {name: exchange.keys[name] for name in names})
    openings = {name: exchange.balances(name) for name in names}
    return _probe("tests.bench.memory_probe", str(directory / "config.toml"), json.dumps(openings))


def _bare(exchange: Exchange, names: Sequence[str]) -> dict[str, int]:
    keys = [exchange.keys[name] for name in names]
    return _probe("tests.bench.baselines.bare_import", exchange.base_url, json.dumps(keys))


def _probe(module: str, *arguments: str) -> dict[str, int]:
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    sizes: dict[str, int] = json.loads(done.stdout)
    return sizes


FIGURE = Figure("memory", "memory over the import of ccxt", measure, (baseline("bare_import"),))
