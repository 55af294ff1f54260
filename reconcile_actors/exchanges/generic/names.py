"""Which names are exchanges of ccxt, told without importing it: its package holds one module an exchange."""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_NAME = re.compile(r"[a-z][a-z0-9]{1,40}", re.ASCII)


@cache
def ccxt_exchanges() -> frozenset[str]:
    """The names of ccxt's asynchronous exchange classes; a listing of a directory, a millisecond."""
    spec = find_spec("ccxt")
    places = spec.submodule_search_locations if spec is not None else None
    return frozenset(
        module.stem
        for place in places or ()
        for module in Path(place, "async_support").glob("*.py")
        if _NAME.fullmatch(module.stem)
    )
