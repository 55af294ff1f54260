"""What a trading process says about its account: plain messages in JSON form, told right or wrong.

Codes are translated by a table of this room's own (`XXBT` is BTC, `ZUSD` is USD), since it is an independent oracle.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import TypeAlias

from reconcile_actors.simulation.instruments import KRAKEN, Catalogue, Pair
from reconcile_actors.simulation.money import ZERO, minus, plus, text
from reconcile_actors.simulation.records import (
    Event,
    Fill,
    FundsMoved,
    LedgerRow,
    Order,
    OrderEnded,
    OrderFilled,
    OrderOpened,
    OrderType,
)
from reconcile_actors.simulation.seeding import seeded

Report: TypeAlias = dict[str, str | int | list[dict[str, str]]]
Places: TypeAlias = Callable[[str], tuple[str, str]]
"""Wallet and currency of an asset, as the exchange's own room names them."""

_UNIFIED = {"XBT": "BTC", "XDG": "DOGE", "REPV2": "REP", "REP": "REPV1"}
_UNIFIED_WHOLE = {
    "XXBT": "BTC",
    "XETH": "ETH",
    "XXRP": "XRP",
    "XREP": "REP",
    "ZUSD": "USD",
    "ZEUR": "EUR",
    "ZGBP": "GBP",
}


@dataclass(frozen=True, slots=True)
class Misreporting:
    """How a trading process gets it wrong. Fills are counted from 1, in the order in which they happen.

    `drop_fills` are never told; `drop_fees` are told with a fee of zero; `delay_fills` come that many seconds late; `duplicate_fills`
    come twice. `drop_types` names message types that are never told. Every report is late by a random time in `lateness_seconds`, though
    those of one order keep their order unless a fill is delayed on purpose; with `reorder` all that are due together come shuffled.
    """

    drop_fills: frozenset[int] = frozenset()
    drop_fees: frozenset[int] = frozenset()
    delay_fills: Mapping[int, float] = field(default_factory=dict)
    duplicate_fills: frozenset[int] = frozenset()
    drop_types: frozenset[str] = frozenset()
    lateness_seconds: tuple[float, float] = (0.0, 0.0)
    reorder: bool = False


HONEST = Misreporting()


class Reporter:
    """Turns events into reports and holds each back until it is due. `omitted` keeps, as a truth to judge by, what was never told."""

    def __init__(
        self,
        *,
        exchange: str,
        wallet: str = "spot",
        seed: int = 0,
        misreporting: Misreporting = HONEST,
        catalogue: Catalogue = KRAKEN,
        places: Places | None = None,
    ) -> None:
        """`exchange` is the account's name in the messages; `catalogue` says how many decimals its assets have.

        Without `places` everything stands in `wallet` under its common name.
        """
        self.omitted: list[Report] = []
        self._exchange = exchange
        self._wallet = wallet
        self._catalogue = catalogue
        self._wrong = misreporting
        self._places = places or (lambda asset: (wallet, unified(asset)))
        self._random = seeded(seed, exchange, "reports")
        self._fills = 0
        self._order = count()
        self._last_due: dict[str, float] = {}
        self._waiting: list[tuple[float, int, Report]] = []

    def tell(self, events: Iterable[Event], now: float) -> None:
        """Queues the reports of what has just happened; `now` is Unix seconds."""
        for event in events:
            match event:
                case OrderOpened(order) if order.order_type is OrderType.LIMIT:
                    self._queue(self._opened(order), now)
                case OrderFilled(fill):
                    self.tell_fill(self._filled(fill), now)
                case OrderEnded(order) if order.order_type is OrderType.LIMIT:
                    self._queue(self._closed(order), now)
                case FundsMoved(rows):
                    for row in rows:
                        self._queue(self._moved(row), now)
                case _:
                    continue  # a market order rests on no book: its fill tells all

    def due(self, now: float) -> list[Report]:
        """The reports whose time has come, in the order in which they are sent."""
        ready: list[Report] = []
        while self._waiting and self._waiting[0][0] <= now:
            ready.append(heapq.heappop(self._waiting)[2])
        if self._wrong.reorder:
            self._random.shuffle(ready)
        return ready

    def statement(
        self, holdings: Mapping[str, tuple[Decimal, Decimal]], version: int, at: float, wallet: str | None = None
    ) -> Report:
        """`SetBalances`: a whole wallet, from (balance, hold) by asset code; assets of one currency are summed."""
        stated = wallet or self._wallet
        rows: dict[str, dict[str, str]] = {}
        for asset, (balance, hold) in holdings.items():
            where, currency = self._places(asset)
            if where != stated:
                continue
            parts = {"total": balance, "available": minus(balance, hold), "locked": hold}
            earlier = rows.get(currency, {})
            told = {leg: plus(amount, Decimal(earlier.get(leg, "0"))) for leg, amount in parts.items()}
            rows[currency] = {"currency": currency} | {leg: self._plain(asset, amount) for leg, amount in told.items()}
        head = {**self._head("SetBalances"), "wallet": stated}
        return {**head, "version": version, "as_of": timestamp(at), "balances": list(rows.values())}

    def watermark(self, through: float) -> Report:
        """`LocalWatermark`: everything up to that time has been told."""
        report = self._head("LocalWatermark")
        del report["wallet"]
        return {**report, "through": timestamp(through)}

    def tell_fill(self, report: Report, now: float) -> None:
        """Queues one `RecordFill`, or what becomes of it."""
        self._fills += 1
        number = self._fills
        if number in self._wrong.drop_fills:
            self.omitted.append(report)
            return
        if number in self._wrong.drop_fees:
            self.omitted.append(
                {
                    **self._head("RecordFee"),
                    "id": report["id"],
                    "currency": report["fee_currency"],
                    "amount": report["fee"],
                }
            )
            report["fee"] = "0"
        delay = self._wrong.delay_fills.get(number, 0.0)
        self._queue(report, now, delay)
        if number in self._wrong.duplicate_fills:
            self._queue(dict(report), now, delay)

    def tell_report(self, report: Report, now: float) -> None:
        """Queues any other report that an exchange's own room has written."""
        self._queue(report, now)

    def _queue(self, report: Report, now: float, delay: float = 0.0) -> None:
        if report["type"] in self._wrong.drop_types:
            self.omitted.append(report)
            return
        due = now + self._random.uniform(*self._wrong.lateness_seconds)
        order_id = str(report.get("order_id", ""))
        if order_id:
            due = self._last_due[order_id] = max(due, self._last_due.get(order_id, due))
            if report["type"] == "CloseOrder":
                del self._last_due[order_id]
        heapq.heappush(self._waiting, (due + delay, next(self._order), report))

    def _head(self, kind: str) -> Report:
        return {"type": kind, "exchange": self._exchange, "wallet": self._wallet}

    def _opened(self, order: Order) -> Report:
        price = ZERO if order.price is None else order.price
        return {
            **self._head("OpenOrder"),
            "order_id": order.id,
            "symbol": symbol_of(order.pair),
            "side": order.side.value,
            "quantity": text(order.volume, order.pair.lot_decimals),
            "price": text(price, order.pair.price_decimals),
            "occurred_at": timestamp(order.opened_at),
        }

    def _filled(self, fill: Fill) -> Report:
        return {
            **self._head("RecordFill"),
            "id": fill.id,
            "order_id": fill.order_id,
            "symbol": symbol_of(fill.pair),
            "side": fill.side.value,
            "quantity": text(fill.volume, fill.pair.lot_decimals),
            "price": text(fill.price, fill.pair.price_decimals),
            "fee_currency": unified(fill.fee_asset),
            "fee": self._plain(fill.fee_asset, fill.fee_charged),
            "occurred_at": timestamp(fill.at),
        }

    def _closed(self, order: Order) -> Report:
        at = order.opened_at if order.closed_at is None else order.closed_at
        return {**self._head("CloseOrder"), "order_id": order.id, "occurred_at": timestamp(at)}

    def _moved(self, row: LedgerRow) -> Report:
        """One movement by its net effect: a withdrawal's fee leaves with it, under the same id."""
        wallet, currency = self._places(row.asset)
        report: Report = {
            **self._head("RecordReward" if row.type == "staking" else "RecordTransfer"),
            "wallet": wallet,
            "id": row.refid,
            "currency": currency,
            "amount": self._plain(row.asset, minus(row.amount, row.fee)),
            "occurred_at": timestamp(row.at),
        }
        return report

    def _plain(self, asset: str, amount: Decimal) -> str:
        return text(amount, self._catalogue.asset(asset).decimals)


def unified(asset: str) -> str:
    """The common name of an asset code: BTC for `XXBT`, `BTC.F` for `XBT.F`."""
    if asset in _UNIFIED_WHOLE:
        return _UNIFIED_WHOLE[asset]
    stem, dot, suffix = asset.partition(".")
    return _UNIFIED.get(stem, stem) + dot + suffix


def symbol_of(pair: Pair) -> str:
    """The common name of a pair: `BTC/USD`."""
    return f"{unified(pair.base)}/{unified(pair.quote)}"


def timestamp(at: float) -> str:
    """UTC, ISO 8601 with microseconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
