"""A trading process on one simulated account: it trades, moves funds, and reports what it did, rightly or wrongly.

It reports only what it did itself: what others do to the account (a theft, a glitch, a hand in the web page) it does not know.
"""

from decimal import ROUND_DOWN, Decimal

from reconcile_actors.simulation.account import Account
from reconcile_actors.simulation.instruments import Pair
from reconcile_actors.simulation.ledger import InsufficientFundsError
from reconcile_actors.simulation.market import Market
from reconcile_actors.simulation.money import minus, over, plus, rounded, times
from reconcile_actors.simulation.records import Event, FundsMoved, OrderEnded, OrderFilled, OrderOpened, Side
from reconcile_actors.simulation.reports import HONEST, Misreporting, Places, Report, Reporter
from reconcile_actors.simulation.seeding import seeded

DEFAULT_PAIRS = ("XXBTZUSD", "XETHZUSD", "XETHXXBT", "USDTZUSD")
# What it deposits, withdraws and earns, and between which assets it moves money to earn.
DEFAULT_FUNDS = ("XXBT", "XETH", "DOT.S", ("XXBT", "XBT.F"))
_LARGEST_SHARE = Decimal("0.1")
_MAX_OPEN_ORDERS = 20
_LIMIT_DISTANCE_TICKS = 15


class Trader:
    """Call `step` often; it catches up with the rate by itself. The same seed and the same calls give the same history."""

    def __init__(
        self,
        account: Account,
        market: Market,
        *,
        exchange: str,
        seed: int = 0,
        actions_per_second: float = 1.0,
        pairs: tuple[str, ...] = DEFAULT_PAIRS,
        lots: tuple[int, int] = (1, 20),
        moves_funds: bool = True,
        funds: tuple[str, str, str, tuple[str, str]] = DEFAULT_FUNDS,
        drives_market: bool = True,
        misreporting: Misreporting = HONEST,
        places: Places | None = None,
    ) -> None:
        """`exchange` names the account in reports; `lots` bounds an order in the pair's trade steps, (1, 1) is a fixed lot.

        `moves_funds` adds deposits, withdrawals, rewards and moves to what earns, of the assets in `funds`;
        `drives_market` is for one trader a market. `places` says in which wallet an asset stands, where it is not all "spot".
        """
        self.account = account
        self.reporter = Reporter(
            exchange=exchange, seed=seed, misreporting=misreporting, catalogue=account.catalogue, places=places
        )
        self._market = market
        self._random = seeded(seed, exchange, "trader")
        self._rate = actions_per_second
        self._pairs = tuple(account.catalogue.pair(name) for name in pairs)
        self._lots = lots
        self._moves_funds = moves_funds
        self._funds = funds
        self._drives_market = drives_market
        self._started_at: float | None = None
        self._done = 0
        self.stopped = False  # True: places no further order, and reports what still happens
        self._read = 0
        self._own_orders: set[str] = set()
        self._own_moves: set[str] = set()
        self._version = 0

    def opening(self, wallet: str = "spot") -> Report:
        """`SetBalances` of a wallet as it stands; call it before the first step."""
        with self.account.lock:
            self._version += 1
            holdings = {asset: (each.balance, each.hold) for asset, each in self.account.holdings().items()}
            return self.reporter.statement(holdings, self._version, self.account.now(), wallet)

    def step(self, now: float) -> list[Report]:
        """Does what is due by `now` (Unix seconds) and returns the reports that are due, in sending order."""
        if self._started_at is None:
            self._started_at = now
        if self._drives_market:
            self._market.step(now)
        due = int((now - self._started_at) * self._rate)
        for _ in range(0 if self.stopped else due - self._done):
            self._act()
        self._done = max(self._done, due)
        self.reporter.tell(self._news(), now)
        return self.reporter.due(now)

    def watermark(self, through: float) -> Report:
        """`LocalWatermark` up to `through`; true only while nothing is withheld."""
        return self.reporter.watermark(through)

    def _act(self) -> None:
        chosen = self._random.random()
        try:
            if chosen < 0.1:
                self._cancel_one()
            elif chosen < 0.2 and self._moves_funds:
                self._move_funds()
            else:
                self._trade(resting=self._random.random() < 0.3)
        except InsufficientFundsError:
            return  # a trader that is out of funds does nothing this time

    def _trade(self, *, resting: bool) -> None:
        pair = self._random.choice(self._pairs)
        price = self._market.price(pair.id)
        side = self._random.choice(tuple(Side))
        volume = self._affordable(pair, side, price)
        if volume is None:
            side = Side.SELL if side is Side.BUY else Side.BUY
            volume = self._affordable(pair, side, price)
        if volume is None:
            return
        if resting and len(self.account.open_orders()) >= _MAX_OPEN_ORDERS:
            self._cancel_one()
            return
        away = times(pair.tick, Decimal(self._random.randint(1, _LIMIT_DISTANCE_TICKS)))
        limit = (minus(price, away) if side is Side.BUY else plus(price, away)) if resting else None
        order = self._market.submit(self.account, pair.id, side, volume, limit)
        self._own_orders.add(order.id)

    def _affordable(self, pair: Pair, side: Side, price: Decimal) -> Decimal | None:
        """A random number of lots within a tenth of what is free; None where not even one lot is."""
        free = self.account.available(pair.base if side is Side.SELL else pair.quote)
        if side is Side.BUY:
            free = over(free, times(price, plus(Decimal(1), self.account.taker_rate)))
        limit = int(rounded(over(times(rounded(free, 8, ROUND_DOWN), _LARGEST_SHARE), pair.trade_step), 0, ROUND_DOWN))
        lots = min(self._random.randint(*self._lots), limit)
        volume = times(pair.trade_step, Decimal(lots))
        return volume if lots > 0 and volume >= pair.order_minimum else None

    def _cancel_one(self) -> None:
        own = [order.id for order in self.account.open_orders() if order.id in self._own_orders]
        if own:
            self.account.cancel(self._random.choice(own))

    def _move_funds(self) -> None:
        amount = times(Decimal("0.001"), Decimal(self._random.randint(1, 50)))
        deposited, withdrawn, earned, (source, target) = self._funds
        match self._random.choice(("deposit", "withdraw", "reward", "transfer")):
            case "deposit":
                refid = self.account.deposit(deposited, amount)
            case "withdraw":
                refid = self.account.withdraw(withdrawn, amount, fee=Decimal("0.0025"))
            case "reward":
                refid = self.account.reward(earned, amount)
            case _:
                refid = self.account.transfer(source, target, amount)
        self._own_moves.add(refid)

    def _news(self) -> list[Event]:
        events = self.account.events[self._read :]
        self._read += len(events)
        return [event for event in events if self._is_own(event)]

    def _is_own(self, event: Event) -> bool:
        match event:
            case OrderOpened(order) | OrderEnded(order):
                return order.id in self._own_orders
            case OrderFilled(fill):
                return fill.order_id in self._own_orders
            case FundsMoved(rows):
                return bool(rows) and rows[0].refid in self._own_moves
