"""What goes wrong in the play, as it is known to whoever made it happen: the truth that the service is held against."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from reconcile_actors.simulation.reports import Report

US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Misdeed:
    """Something that the trading process does not know of: on which account, in which currencies, since when (UTC us)."""

    account: str
    currencies: frozenset[str]
    since_at: int
    id: str | None = None
    symbol: str | None = None

    def explains(self, account: str, currency: str, detected_at: int) -> bool:
        """Whether a discrepancy may come of it. Clocks may differ by a little."""
        return account == self.account and currency in self.currencies and detected_at >= self.since_at - US


@dataclass(slots=True)
class Script:
    """Each is None until it has happened. `garbled` and `out` are accounts whose exchange is made to fail at the moment."""

    fill: Misdeed | None = None
    remainder: Misdeed | None = None
    theft: Misdeed | None = None
    garbled: set[str] = field(default_factory=set)
    out: set[str] = field(default_factory=set)

    @property
    def misdeeds(self) -> tuple[Misdeed, ...]:
        """All that has happened."""
        return tuple(one for one in (self.fill, self.remainder, self.theft) if one is not None)


def missed(account: str, report: Report) -> Misdeed:
    """A fill whose report never left."""
    symbol, at = str(report["symbol"]), str(report["occurred_at"])
    pair, _, settled = symbol.partition(":")
    currencies = {*pair.split("/"), str(report.get("fee_currency", "")), settled, symbol} - {""}
    since_at = round(datetime.fromisoformat(at).timestamp() * US)
    return Misdeed(account, frozenset(currencies), since_at, str(report["id"]), symbol)
