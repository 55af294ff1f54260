"""What an endpoint is: what it weighs, and a function from one call to its answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reconcile_actors.simulation.binance.auth import User
from reconcile_actors.simulation.binance.errors import BinanceError
from reconcile_actors.simulation.binance.limits import Weight
from reconcile_actors.simulation.binance.wire import milliseconds
from reconcile_actors.simulation.json_text import Json


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request. `balances_as_of` and `history_until` (Unix seconds) are in the past when the answer is to be stale."""

    user: User
    parameters: Mapping[str, str]
    now: float
    balances_as_of: float | None = None
    history_until: float | None = None

    def required(self, name: str) -> str:
        """A parameter that must be there. Raises `BinanceError`."""
        value = self.parameters.get(name, "")
        if not value:
            raise BinanceError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        return value

    def number(self, name: str, default: int, top: int | None = None) -> int:
        """A whole number that is not negative, cut to `top`. Raises `BinanceError`."""
        value = self.parameters.get(name, "")
        if value and not (value.isascii() and value.isdigit()):
            raise BinanceError(
                -1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'."
            )
        number = int(value) if value else default
        return number if top is None else min(number, top)

    def shows(self, at: float) -> bool:
        """Whether history lists what happened at `at` (Unix seconds): within startTime and endTime, and not held back."""
        told = milliseconds(at)
        last = self.number("endTime", milliseconds(self.now) + 60_000)
        return self.number("startTime", 0) <= told <= last and (self.history_until is None or at <= self.history_until)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A signed GET."""

    weight: Weight
    handle: Callable[[Call], Json]
