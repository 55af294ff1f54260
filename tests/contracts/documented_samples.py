"""The sample answers that ccxt documents in the comments of its own balance methods, read from the installed package."""

import inspect
import json
import re
from collections.abc import Iterator

import ccxt.async_support

_METHODS = ("fetch_balance", "parse_balance", "custom_parse_balance")
_COMMENT = re.compile(r"(?:^\s*#.*\n)+", re.MULTILINE)


def samples_of(exchange_id: str) -> list[object]:
    """Every JSON value of some length in those comments; a comment that is not JSON gives none."""
    kinds = getattr(ccxt.async_support, exchange_id).__mro__
    found: list[object] = []
    for method in _METHODS:
        own = next(
            (kind.__dict__[method] for kind in kinds if method in kind.__dict__ and kind.__name__ != "Exchange"), None
        )
        if own is not None:
            for comment in _COMMENT.findall(inspect.getsource(own)):
                found += [one for one in _values(comment) if len(json.dumps(one)) > 40]
    return found


def _values(comment: str) -> Iterator[object]:
    text = re.sub(r"^\s*#", "", comment, flags=re.MULTILINE)
    text = re.sub(r"(?<!:)//.*", "", text).replace("...", "")
    text = re.sub(r",(\s*[}\]])", r"\1", re.sub(r",(\s*),", r",\1", text))
    at = 0
    while (start := re.compile(r"[{\[]").search(text, at)) is not None:
        try:
            value, at = json.JSONDecoder(parse_float=str).raw_decode(text, start.start())
            yield value
        except ValueError:
            at = start.start() + 1
