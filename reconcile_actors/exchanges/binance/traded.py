"""Which symbols are asked for fills: Binance lists fills by symbol only, and has thousands of symbols.

A fill changes the totals of both its currencies. So whenever reads show that totals have changed, every market among the
changed currencies is due to be asked, from the read before the change on; and whatever has traded is asked again and again,
because fills that cancel out between two reads change no total. At the start the markets among what is held are due.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from reconcile_actors.domain.money import ZERO
from reconcile_actors.domain.snapshot import Bracket
from reconcile_actors.exchanges.binance.markets import Markets

SYMBOLS_A_READ: Final = 20
TRADED_MAX: Final = 200
_CHANGES_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Span:
    """When the fills in question happened (UTC us). `changed`: totals were seen to change; `from_start`: since the account was
    first looked at, whatever `from_at` says."""

    from_at: int
    until_at: int
    changed: bool = True
    from_start: bool = False


@dataclass(frozen=True, slots=True)
class _Change:
    currencies: frozenset[str]
    span: Span


class Traded:
    """Remembers totals, what changed since fills were asked for, and what has traded. `lag_us`: how old an answer may be."""

    def __init__(self, lag_us: int) -> None:
        self._lag_us = lag_us
        self._totals: Mapping[str, Decimal] | None = None
        self._read_at = 0
        self._changes: list[_Change] = []
        self._due: dict[str, Span] = {}
        self._traded: OrderedDict[str, None] = OrderedDict()

    def observe(self, totals: Mapping[str, Decimal], bracket: Bracket) -> None:
        """A believed read: totals by unified currency."""
        before, from_at = self._totals, self._read_at - self._lag_us
        if before is None:
            held = frozenset(currency for currency, total in totals.items() if total)
            self._note(_Change(held, Span(bracket.requested_at, bracket.received_at, changed=False, from_start=True)))
        else:
            changed = {one for one in {*totals, *before} if totals.get(one, ZERO) != before.get(one, ZERO)}
            self._note(_Change(frozenset(changed), Span(from_at, bracket.received_at)))
        self._totals, self._read_at = dict(totals), bracket.requested_at

    def observe_same(self, bracket: Bracket) -> None:
        """A read that showed what the one before it showed."""
        self._read_at = bracket.requested_at

    def puzzles(self, markets: Markets) -> bool:
        """Whether a currency changed that stands in no market with what else changed: there may be a new one."""
        return any(
            change.currencies - {side for symbol in markets.among(change.currencies) for side in symbol.split("/")}
            for change in self._changes
        )

    def to_ask(self, markets: Markets) -> dict[str, Span | None]:
        """The symbols to ask now, the most pressing first, and of which time; None: as far as was not asked yet."""
        for change in self._changes:
            for symbol in markets.among(change.currencies):
                self._add_due(symbol, change.span)
        self._changes.clear()
        # a market that is gone can no longer be asked
        self._due = {symbol: span for symbol, span in self._due.items() if symbol in markets.natives}
        due = sorted(self._due, key=lambda symbol: (not self._due[symbol].changed, self._due[symbol].until_at))
        traded = [symbol for symbol in self._traded if symbol not in self._due and symbol in markets.natives]
        pressing = due[: SYMBOLS_A_READ - min(len(traded), SYMBOLS_A_READ // 2)]
        return {symbol: self._due.get(symbol) for symbol in [*pressing, *traded][:SYMBOLS_A_READ]}

    @property
    def seen_until_at(self) -> int:
        """Up to when every fill has shown in totals that were read, but for those that cancel out (UTC us)."""
        return self._read_at - self._lag_us

    @property
    def waiting(self) -> Mapping[str, Span]:
        """The symbols of which totals say that they may have traded, and that were not asked up to then yet."""
        return {symbol: span for symbol, span in self._due.items() if span.changed}

    def asked(self, symbol: str, through_at: int, *, has_fills: bool) -> None:
        """All fills of a symbol are known up to an instant (UTC us)."""
        span = self._due.get(symbol)
        if span is not None and through_at >= span.until_at:
            del self._due[symbol]
        if has_fills or symbol in self._traded:
            self._traded[symbol] = None
            self._traded.move_to_end(symbol)  # asked last: the others come first next time
            if len(self._traded) > TRADED_MAX:
                self._traded.popitem(last=False)

    def cares_for(self, symbol: str) -> bool:
        """Whether a symbol will be asked again."""
        return symbol in self._due or symbol in self._traded

    def _note(self, change: _Change) -> None:
        if len(change.currencies) < 2:  # one currency alone is no fill
            return
        self._changes.append(change)
        if len(self._changes) > _CHANGES_MAX:  # more markets than need be are asked rather than one too few
            first, second, *rest = self._changes
            self._changes = [_Change(first.currencies | second.currencies, _joined(first.span, second.span)), *rest]

    def _add_due(self, symbol: str, span: Span) -> None:
        known = self._due.get(symbol)  # there are no more of them than markets
        self._due[symbol] = span if known is None else _joined(known, span)


def _joined(one: Span, other: Span) -> Span:
    return Span(
        min(one.from_at, other.from_at),
        max(one.until_at, other.until_at),
        one.changed or other.changed,
        one.from_start or other.from_start,
    )
