"""A trading process on one simulated subaccount: it trades perpetuals, moves USDC, and reports what it did, rightly or wrongly.

It reports only what it did itself, and the funding of its positions; what others do to the account it does not know.
"""

from decimal import ROUND_DOWN, Decimal

from reconcile_actors.simulation.dydx.chain import Chain
from reconcile_actors.simulation.dydx.markets import MARKETS
from reconcile_actors.simulation.dydx.records import FundingPayment, PerpEvent, PerpFill, PerpTransfer
from reconcile_actors.simulation.dydx.subaccount import Subaccount
from reconcile_actors.simulation.dydx.wire import plain
from reconcile_actors.simulation.ledger import InsufficientFundsError
from reconcile_actors.simulation.money import ZERO, over, rounded, times
from reconcile_actors.simulation.records import Side
from reconcile_actors.simulation.reports import HONEST, Misreporting, Report, Reporter, timestamp
from reconcile_actors.simulation.seeding import seeded

_LARGEST_SHARE = Decimal("0.1")


class DydxTrader:
    """Call `step` often; it catches up with the rate by itself. The same seed and the same calls give the same history."""

    def __init__(
        self,
        account: Subaccount,
        chain: Chain,
        *,
        exchange: str,
        wallet: str = "perp",
        seed: int = 0,
        actions_per_second: float = 1.0,
        tickers: tuple[str, ...] = tuple(MARKETS),
        lots: tuple[int, int] = (1, 20),
        moves_funds: bool = True,
        drives_chain: bool = True,
        misreporting: Misreporting = HONEST,
    ) -> None:
        """`exchange` names the account in reports; `lots` bounds a trade in the market's steps.

        `drives_chain` is for one trader a chain.
        """
        self.account = account
        self.reporter = Reporter(exchange=exchange, wallet=wallet, seed=seed, misreporting=misreporting)
        self._chain = chain
        self._head = {"exchange": exchange, "wallet": wallet}
        self._random = seeded(seed, exchange, "trader")
        self._rate = actions_per_second
        self._tickers = tickers
        self._lots = lots
        self._moves_funds = moves_funds
        self._drives_chain = drives_chain
        self._started_at: float | None = None
        self._done = 0
        self.stopped = False  # True: places no further order, and reports what still happens
        self._read = 0
        self._own: set[str] = set()
        self._version = 0

    def opening(self) -> list[Report]:
        """`SetBalances` and `SetPositions` of the account as it stands; call it before the first step."""
        with self._chain.lock:
            self._version += 1
            self._read = len(self.account.events)
            at = timestamp(self._chain.now())
            common: Report = {**self._head, "version": self._version, "as_of": at}
            usdc = [{"currency": "USDC", "total": plain(self.account.usdc())}]
            positions = [
                {"symbol": MARKETS[ticker].symbol, "quantity": plain(size)}
                for ticker, size in self.account.positions().items()
            ]
        return [
            {"type": "SetBalances", **common, "balances": usdc},
            {"type": "SetPositions", **common, "positions": positions},
        ]

    def step(self, now: float) -> list[Report]:
        """Does what is due by `now` (Unix seconds) and returns the reports that are due, in sending order."""
        if self._started_at is None:
            self._started_at = now
        if self._drives_chain:
            self._chain.step(now)
        due = int((now - self._started_at) * self._rate)
        for _ in range(0 if self.stopped else due - self._done):
            self._act()
        self._done = max(self._done, due)
        for event in self._news():
            self._tell(event, now)
        return self.reporter.due(now)

    def watermark(self, through: float) -> Report:
        """`LocalWatermark` up to `through`; true only while nothing is withheld."""
        return self.reporter.watermark(through)

    def _act(self) -> None:
        try:
            if self._moves_funds and self._random.random() < 0.1:
                self._move_funds()
            else:
                self._trade()
        except InsufficientFundsError:
            return  # a trader that is out of margin does nothing this time

    def _trade(self) -> None:
        market = MARKETS[self._random.choice(self._tickers)]
        price = self._chain.price(market.ticker)
        affordable = over(times(max(self.account.free_collateral(), ZERO), _LARGEST_SHARE), times(price, market.step))
        lots = min(self._random.randint(*self._lots), int(rounded(affordable, 0, ROUND_DOWN)))
        if lots < 1:
            return
        side = self._random.choice(tuple(Side))
        size = times(market.step, Decimal(lots))
        self._own.add(self.account.trade(market.ticker, side, size, maker=self._random.random() < 0.4).id)

    def _move_funds(self) -> None:
        amount = times(Decimal("0.000001"), Decimal(self._random.randint(1, 50_000_000)))
        moved = self.account.deposit(amount) if self._random.random() < 0.5 else self.account.withdraw(amount)
        self._own.add(moved.id)

    def _news(self) -> list[PerpEvent]:
        with self._chain.lock:
            events = self.account.events[self._read :]
            self._read += len(events)
        return [event for event in events if isinstance(event, FundingPayment) or event.id in self._own]

    def _tell(self, event: PerpEvent, now: float) -> None:
        at = {"occurred_at": timestamp(event.stamp.at)}
        match event:
            case PerpFill():
                fill: Report = {"type": "RecordFill", **self._head, **_fill(event), **at}
                self.reporter.tell_fill(fill, now)
            case PerpTransfer():
                moved: Report = {"type": "RecordTransfer", **self._head, "id": event.id, **_usdc(event.cash), **at}
                self.reporter.tell_report(moved, now)
            case FundingPayment():
                # the exchange gives no id, so the trading process makes up its own
                name = f"funding-{event.market.ticker}-{event.stamp.height}"
                paid: Report = {"type": "RecordFunding", **self._head, "id": name, "symbol": event.market.symbol}
                self.reporter.tell_report({**paid, **_usdc(event.payment), **at}, now)


def _fill(fill: PerpFill) -> dict[str, str]:
    return {
        "id": fill.id,
        "order_id": fill.order_id,
        "symbol": fill.market.symbol,
        "side": fill.side.value,
        "quantity": plain(fill.size),
        "price": plain(fill.price),
        "fee_currency": "USDC",
        "fee": plain(fill.fee),
    }


def _usdc(amount: Decimal) -> dict[str, str]:
    return {"currency": "USDC", "amount": plain(amount)}
