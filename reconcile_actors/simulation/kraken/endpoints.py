"""What an endpoint is: who may call it, what it costs, and a function from one call to its result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from math import isfinite

from reconcile_actors.simulation.json_text import Json
from reconcile_actors.simulation.kraken.auth import Permission, User
from reconcile_actors.simulation.kraken.errors import KrakenError
from reconcile_actors.simulation.market import Market

PAGE = 50


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request. `balances_as_of` and `history_until` (Unix seconds) are in the past when the answer is to be stale."""

    user: User
    market: Market
    parameters: Mapping[str, str]
    now: float
    balances_as_of: float | None = None
    history_until: float | None = None

    def text(self, name: str) -> str | None:
        """A parameter; None where it is absent or empty."""
        return self.parameters.get(name) or None

    def flag(self, name: str) -> bool:
        """A boolean parameter; clients write `true`, `True` or `1`."""
        return self.parameters.get(name, "").lower() in {"true", "1"}

    def number(self, name: str, default: int = 0) -> int:
        """A whole number that is not negative."""
        value = self.text(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit()):
            raise KrakenError(f"EGeneral:Invalid arguments:{name}")
        return int(value)

    def seconds(self, name: str) -> float | None:
        """A time in Unix seconds, with or without a fraction."""
        value = self.text(name)
        try:
            seconds = None if value is None else float(value)
        except ValueError:
            raise KrakenError("EGeneral:Invalid arguments") from None
        if seconds is not None and not isfinite(seconds):
            raise KrakenError("EGeneral:Invalid arguments")
        return seconds

    def amount(self, name: str, error: str) -> Decimal:
        """A finite Decimal; otherwise raises `KrakenError` with the code `error`."""
        try:
            amount = Decimal(self.text(name) or "")
        except InvalidOperation:
            raise KrakenError(error) from None
        if not amount.is_finite():
            raise KrakenError(error)
        return amount

    def names(self, name: str) -> list[str]:
        """A comma-separated list."""
        return [part.strip() for part in (self.text(name) or "").split(",") if part.strip()]


@dataclass(frozen=True, slots=True)
class PrivateEndpoint:
    """`needs` lists permissions of which one suffices (none: any key may call); `cost` is what the call adds to the key's counter."""

    needs: tuple[Permission, ...]
    cost: float
    handle: Callable[[Call], Json]
