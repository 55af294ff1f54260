"""A seeded market: prices that walk at random, and resting orders that trade when the price reaches them.

The market is the lock above the accounts': it may lock an account, an account never locks the market.
"""

from collections.abc import Iterable
from decimal import ROUND_DOWN, Decimal
from threading import RLock

from reconcile_actors.simulation.account import Account
from reconcile_actors.simulation.instruments import PAIRS, Catalogue, Pair
from reconcile_actors.simulation.ledger import InsufficientFundsError
from reconcile_actors.simulation.money import minus, over, plus, rounded, times
from reconcile_actors.simulation.records import Fill, Order, Side
from reconcile_actors.simulation.seeding import seeded

_LARGEST_STEP_TICKS = 20


class Market:
    """All pairs of the simulated exchange. The same seed and the same calls give the same prices and fills."""

    def __init__(self, seed: int = 0, pairs: Iterable[Pair] = tuple(PAIRS.values())) -> None:
        """Prices open at each pair's `opening_price`."""
        self.lock = RLock()
        self._random = seeded(seed, "market")
        self._pairs = tuple(pairs)
        self._catalogue = Catalogue((), self._pairs)
        self._ticks = {pair.id: _ticks(pair, pair.opening_price) for pair in self._pairs}
        self._extremes = {pair.id: (pair.opening_price, pair.opening_price) for pair in self._pairs}
        self._accounts: list[Account] = []
        self.stepped_at: float | None = None

    def attach(self, account: Account) -> None:
        """From now on the account's resting orders trade on this market."""
        with self.lock:
            self._accounts.append(account)

    def price(self, pair: str) -> Decimal:
        """The last price, a whole number of ticks."""
        with self.lock:
            market = self._catalogue.pair(pair)
            return times(market.tick, Decimal(self._ticks[market.id]))

    def extremes(self, pair: str) -> tuple[Decimal, Decimal]:
        """The lowest and the highest price so far."""
        with self.lock:
            return self._extremes[self._catalogue.pair(pair).id]

    def step(self, now: float) -> list[Fill]:
        """Moves every price by a few ticks, then trades what rests at or beyond it; returns the fills. `now` is Unix seconds."""
        with self.lock:
            self.stepped_at = now
            for pair in self._pairs:
                self._walk(pair)
            return [fill for account in self._accounts for fill in self._match(account)]

    def submit(
        self,
        account: Account,
        pair: str,
        side: str,
        volume: Decimal,
        price: Decimal | None = None,
        *,
        fee_in_base: bool = False,
        post_only: bool = False,
        client_id: str | None = None,
        user_reference: int | None = None,
    ) -> Order:
        """Places an order and trades it at once where it meets the price: a market order whole, a limit order if crossed.

        Returns the order as it stands then. A post-only order that would trade is canceled. Raises as `Account.place`, and
        `InsufficientFundsError` for an order that trades but cannot be paid, after canceling it.
        """
        with self.lock, account.lock:
            order = account.place(
                pair,
                side,
                volume,
                price,
                fee_in_base=fee_in_base,
                client_id=client_id,
                user_reference=user_reference,
            )
            last = self.price(order.pair.id)
            if not _crosses(order, last):
                return order
            if post_only:
                return account.cancel(order.id, reason="Post only order")
            try:
                account.fill(order.id, volume, last, maker=False)
            except InsufficientFundsError:
                account.cancel(order.id, reason="Insufficient funds")
                raise
            return account.orders[order.id]

    def _walk(self, pair: Pair) -> None:
        opening = _ticks(pair, pair.opening_price)
        reach = max(1, min(_LARGEST_STEP_TICKS, opening // 1000))
        # Bounded to half and twice the opening price: a walk of days must not ruin the accounts that trade on it.
        moved = self._ticks[pair.id] + self._random.randint(-reach, reach)
        self._ticks[pair.id] = min(max(moved, opening // 2), opening * 2)
        price = self.price(pair.id)
        low, high = self._extremes[pair.id]
        self._extremes[pair.id] = (min(low, price), max(high, price))

    def _match(self, account: Account) -> list[Fill]:
        fills = []
        with account.lock:
            for order in account.open_orders():
                if order.price is None or not _crosses(order, self.price(order.pair.id)):
                    continue
                try:
                    fills.append(account.fill(order.id, self._part(order), order.price, maker=True))
                except InsufficientFundsError:
                    # The fee is not held, so money that left since can make an order unpayable: an exchange cancels it.
                    account.cancel(order.id, reason="Insufficient funds")
        return fills

    def _part(self, order: Order) -> Decimal:
        """Half of the time all that remains, else a part of it in whole trade steps."""
        step = order.pair.trade_step
        if self._random.random() < 0.5:
            return order.remaining
        steps = int(rounded(over(order.remaining, step), 0, ROUND_DOWN))
        return order.remaining if steps < 2 else times(step, Decimal(self._random.randint(1, steps - 1)))


def spread(pair: Pair, price: Decimal) -> tuple[Decimal, Decimal]:
    """Best bid and best ask around a price: one tick either side."""
    return minus(price, pair.tick), plus(price, pair.tick)


def _ticks(pair: Pair, price: Decimal) -> int:
    return int(over(price, pair.tick))


def _crosses(order: Order, price: Decimal) -> bool:
    if order.price is None:
        return True
    return order.price >= price if order.side is Side.BUY else order.price <= price
