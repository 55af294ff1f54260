"""JSON as money needs it: no number ever becomes a float, and an object that names a key twice is not silently half read."""

import json
from typing import Final


class RepeatedKeys:
    """Stands where an object named a key twice: no dict, so that no validity gate mistakes it for one."""

    __slots__ = ()


REPEATED_KEYS: Final = RepeatedKeys()


def _object(pairs: list[tuple[str, object]]) -> object:
    content = dict(pairs)
    return content if len(content) == len(pairs) else REPEATED_KEYS


# Fractions and NaN or Infinity stay text (the gate judges them); whole numbers are exact as int.
_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_float=str, parse_constant=str)


def decode(text: str) -> object:
    """The value of a JSON text. Raises ValueError when it is not JSON, RecursionError when it is nested without end."""
    value: object = _DECODER.decode(text)
    return value
