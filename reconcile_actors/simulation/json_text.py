"""Answers as JSON text, and the amounts in them: what every exchange's wire writes alike."""

import json
import re
from decimal import Decimal
from typing import TypeAlias

from reconcile_actors.simulation.money import ZERO, plus, text

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

_BARE = "\x00"  # marks a string that is to be written without its quotes
_QUOTED_BARE = re.compile(r'"\\u0000([^"\\]*)"')


def rendered(payload: Json) -> str:
    """The payload as JSON text, with `bare` amounts written digit by digit, never through a float."""
    return _QUOTED_BARE.sub(r"\1", json.dumps(payload))


def bare(amount: str) -> str:
    """The amount as a JSON number, once it is rendered."""
    return _BARE + amount


def zeroed(amount: str) -> str:
    """Zero with as many decimals as the amount has."""
    return text(ZERO, _places(amount))


def shifted(amount: str, by: Decimal) -> str:
    """The sum, with as many decimals as the amount has."""
    return text(plus(Decimal(amount), by), _places(amount))


def lengthened(amount: str) -> str:
    """The amount with forty decimals."""
    whole, _, fraction = amount.partition(".")
    return f"{whole}.{fraction}{'1234567890' * 4}"[: len(whole) + 41]


def _places(amount: str) -> int:
    return len(amount.partition(".")[2])
