"""What the example bots have in common: what the bot believes it owns, and what it does with each event."""

from decimal import Decimal
from threading import Event as Flag

from venue import START, Venue

from reconcile_actors.domain.balances import Field
from reconcile_actors.messages import (
    AcknowledgeAdjustment,
    AcknowledgeHalt,
    DiscrepancyConfirmed,
    DiscrepancyResolved,
    Event,
    Message,
    PortfolioAdjusted,
    RecordFill,
    TradingHaltReleased,
    TradingHaltRequested,
)

LISTENS_TO = (
    DiscrepancyConfirmed,
    DiscrepancyResolved,
    PortfolioAdjusted,
    TradingHaltRequested,
    TradingHaltReleased,
)


SIZE = Decimal("0.01")
LOST = 6  # the order whose fill never reaches the bot


class Bot:
    """Buys and sells a little bitcoin. It waits for nothing, so it serves a loop as well as threads."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.holdings = dict(START)
        self.halted = False
        self.mended = Flag()  # everything that was found is gone again
        self._booked: set[str] = set()
        self._taken_over: set[str] = set()
        self._open: set[str] = set()

    def trade(self, number: int) -> RecordFill | None:
        """One order; what is due to be reported of it, None where the bot does not learn that it was filled."""
        trade_id = self.venue.order("buy" if number % 2 else "sell", SIZE)
        return None if number == LOST else self.book(trade_id)

    def book(self, trade_id: str) -> RecordFill:
        """Takes a trade into its own holdings, once."""
        fill = self.venue.trade(trade_id)
        if fill.id not in self._booked:
            self._booked.add(fill.id)
            sign = 1 if fill.side == "buy" else -1
            assert fill.cost is not None
            assert fill.fee is not None
            self.holdings["BTC"] += sign * fill.quantity
            self.holdings["USD"] -= sign * fill.cost + fill.fee
        return fill

    def on_event(self, event: Event) -> list[Message]:
        """What is to be said in answer: records to `record`, acknowledgements to `ask`."""
        match event:
            case DiscrepancyConfirmed(discrepancy=found):
                print(f"found: {found.id} ({found.cause})")
                self._open.add(found.id)
                if (
                    found.cause == "missed_fill"
                ):  # evidence holds the exchange's ids: look the trades up and report them
                    return [self.book(one) for one in found.evidence]
            case DiscrepancyResolved(discrepancy=gone):
                print(f"gone: {gone.id}")
                self._open.discard(gone.id)
                if not self._open:
                    self.mended.set()
            case PortfolioAdjusted(adjustment=posted):  # said again until it is acknowledged: take it over once
                if posted.id not in self._taken_over:
                    self._taken_over.add(posted.id)
                    for line in posted.lines:
                        already = line.type == "fill" and line.id in self._booked
                        if line.field is Field.TOTAL and not already:
                            self.holdings[line.currency] += line.amount
                return [AcknowledgeAdjustment(exchange=posted.exchange, id=posted.id)]
            case TradingHaltRequested(halt=halt):
                print(f"halted: {halt.reason}")
                self.halted = True
                return [AcknowledgeHalt(exchange=halt.exchange, id=halt.id)]
            case TradingHaltReleased():
                self.halted = False
        return []
