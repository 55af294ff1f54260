"""Canonical JSON (RFC 8785) over a domain so small that there is nothing to disagree about.

Strings, booleans, null, integers below 2^53 in magnitude, arrays, and objects with ASCII keys. Floats are refused, so the
hard part of RFC 8785 (number formatting) never arises, and ASCII keys sort alike by byte and by UTF-16 unit. A Decimal has
to be a string before it comes here (I2). The limits are enforced, because the fast serialiser below would write NaN as
null and accept dates.
"""

from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Final, TypeAlias

import orjson

from reconcile_actors.audit.errors import CanonicalError

JsonValue: TypeAlias = "str | int | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"

MAX_INTEGER: Final = 2**53 - 1
MAX_DEPTH: Final = 32
_PLAIN: Final = frozenset((str, bool, NoneType))
_CONTAINERS: Final = frozenset((dict, list, tuple))


def canonical_bytes(value: JsonValue) -> bytes:
    """The one UTF-8 encoding of `value` (RFC 8785): sorted keys, no space, shortest escapes.

    Arrays may be lists or tuples, objects are dicts. Raises `CanonicalError` for anything outside the domain, nesting
    deeper than 32 and strings with lone surrogates; the text gives place and type, never a value.
    """
    _check(value, [])
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:  # the domain is checked, so only a lone surrogate is left
        raise CanonicalError("a string is not valid Unicode") from error


def parse_canonical(data: bytes) -> JsonValue:
    """Parse bytes that must be canonical already; anything else (spaces, duplicate keys, floats) is `CanonicalError`."""
    try:
        value: JsonValue = orjson.loads(data)
    except orjson.JSONDecodeError:
        # No cause attached: the decoder's error carries the document, which may hold amounts (I7).
        raise CanonicalError("not JSON") from None
    if canonical_bytes(value) != data:
        raise CanonicalError("JSON, but not in canonical form")
    return value


def _check(value: object, path: list[str | int]) -> None:
    # Exact types throughout: a subclass (an enum, a bool among ints) could serialise as something else.
    kind = type(value)
    if kind in _CONTAINERS and len(path) >= MAX_DEPTH:
        raise CanonicalError(f"nested deeper than {MAX_DEPTH} levels")
    if type(value) is dict:
        for key, item in value.items():
            if type(key) is not str or not key.isascii():
                raise CanonicalError(f"key that is not an ASCII string in {_place(path)}")
            if type(item) not in _PLAIN:
                path.append(key)
                _check(item, path)
                path.pop()
    elif type(value) is list or type(value) is tuple:
        for index, item in enumerate(value):
            if type(item) not in _PLAIN:
                path.append(index)
                _check(item, path)
                path.pop()
    elif type(value) is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise CanonicalError(f"integer of 2^53 or more at {_place(path)}")
    elif kind not in _PLAIN:
        raise CanonicalError(f"{kind.__name__} at {_place(path)} is outside the domain")


def _place(path: list[str | int]) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
