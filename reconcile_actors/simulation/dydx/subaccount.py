"""One subaccount: USDC and positions that follow from its rows, funding that is settled when something touches it.

Cross margin with notional settlement: a fill exchanges the position for its whole notional in USDC. What funding is owed
since the last touch is not in the rows yet; it is settled by the next one, rounded down to the six decimals of USDC.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from operator import attrgetter
from uuid import UUID

from reconcile_actors.simulation.dydx.chain import Chain
from reconcile_actors.simulation.dydx.markets import (
    INITIAL_MARGIN,
    MAKER_RATE,
    TAKER_RATE,
    USDC_DECIMALS,
    PerpetualMarket,
    find_market,
)
from reconcile_actors.simulation.dydx.records import (
    CashRow,
    FundingPayment,
    OpenPosition,
    PerpEvent,
    PerpFill,
    PerpTransfer,
    Stamp,
)
from reconcile_actors.simulation.ids import IdMint
from reconcile_actors.simulation.ledger import InsufficientFundsError, InvalidAmountError, LedgerBrokenError
from reconcile_actors.simulation.money import ZERO, fits, minus, over, plus, rounded, times, total
from reconcile_actors.simulation.orders import InvalidOrderError
from reconcile_actors.simulation.records import Side

_AT = attrgetter("at")


@dataclass(frozen=True, slots=True)
class Holdings:
    """The ledger from `at` on, until the next change: USDC without what funding is owed, and open positions by ticker."""

    at: float
    usdc: Decimal
    positions: Mapping[str, OpenPosition]


class Subaccount:
    """Every method is atomic and may be called from any thread. `events` is append-only, oldest first."""

    def __init__(self, address: str, number: int, chain: Chain, mint: IdMint) -> None:
        """Empty, and unknown to the indexer until something happens to it."""
        self.address = address
        self.number = number
        self.chain = chain
        self.rows: list[CashRow] = []
        self.fills: list[PerpFill] = []
        self.transfers: list[PerpTransfer] = []
        self.payments: list[FundingPayment] = []
        self.events: list[PerpEvent] = []
        self._mint = mint
        self._holdings = [Holdings(0.0, ZERO, {})]
        chain.subaccounts.append(self)

    # -- what happens --------------------------------------------------------------------------------------------------

    def deposit(self, amount: Decimal, *, sender: str | None = None) -> PerpTransfer:
        """USDC comes from a wallet."""
        return self._transfer("DEPOSIT", amount, sender or self.address, None)

    def withdraw(self, amount: Decimal, *, recipient: str | None = None) -> PerpTransfer:
        """USDC goes to a wallet."""
        return self._transfer("WITHDRAWAL", amount, recipient or self.address, None)

    def transfer_out(self, amount: Decimal, recipient: str, number: int = 0) -> PerpTransfer:
        """USDC goes to another subaccount."""
        return self._transfer("TRANSFER_OUT", amount, recipient, number)

    def transfer_in(self, amount: Decimal, sender: str, number: int = 0) -> PerpTransfer:
        """USDC comes from another subaccount."""
        return self._transfer("TRANSFER_IN", amount, sender, number)

    def trade(
        self,
        ticker: str,
        side: str,
        size: Decimal,
        price: Decimal | None = None,
        *,
        maker: bool = False,
        order_id: str | None = None,
        kind: str = "LIMIT",
        builder_fee: Decimal = ZERO,
    ) -> PerpFill:
        """A fill at `price`, else at the oracle's; `builder_fee` in USDC goes to who built the order.

        Raises `InvalidOrderError`, and `InsufficientFundsError` for want of margin.
        """
        market = find_market(ticker)
        with self.chain.lock:
            at_price = self.chain.price(ticker) if price is None else price
            for name, value, step in (("size", size, market.step), ("price", at_price, market.tick)):
                if not value.is_finite() or value <= ZERO or over(value, step) % 1:
                    raise InvalidOrderError(name)
            fee = rounded(
                times(times(size, at_price), MAKER_RATE if maker else TAKER_RATE), USDC_DECIMALS, ROUND_HALF_UP
            )
            fill = PerpFill(
                id=self._uuid(),
                order_id=order_id or self._uuid(),
                market=market,
                side=Side(side.lower()),
                size=size,
                price=at_price,
                fee=fee,
                maker=maker,
                type=kind,
                stamp=self.chain.stamp(),
                builder_fee=builder_fee,
            )
            self._require_margin(fill)
            self._apply("fill", fill.id, fill.cash, fill.stamp, fill)
            self.fills.append(fill)
            self.events.append(fill)
            return fill

    def note_funding(self, market: PerpetualMarket, price: Decimal, rate: Decimal, stamp: Stamp) -> None:
        """The market's index moves: the chain calls it, under its lock."""
        position = self._holdings[-1].positions.get(market.ticker)
        if position is None:
            return
        payment = times(times(position.size, price), rate).copy_negate()
        paid = FundingPayment(market, position.size, price, rate, payment, stamp)
        self.payments.append(paid)
        self.events.append(paid)

    # -- what is there -------------------------------------------------------------------------------------------------

    @property
    def is_known(self) -> bool:
        """Whether the indexer has ever heard of it."""
        return bool(self.events)

    def holdings(self, as_of: float | None = None) -> Holdings:
        """The ledger now, or at Unix seconds `as_of`."""
        with self.chain.lock:
            at = len(self._holdings) if as_of is None else bisect_right(self._holdings, as_of, key=_AT)
            return self._holdings[max(0, at - 1)]

    def usdc(self, as_of: float | None = None) -> Decimal:
        """USDC net of what funding is owed, as the indexer shows it."""
        with self.chain.lock:
            return plus(self.holdings(as_of).usdc, self.unsettled(as_of))

    def positions(self, as_of: float | None = None) -> dict[str, Decimal]:
        """Signed sizes by ticker; what is flat is left out."""
        return {ticker: position.size for ticker, position in self.holdings(as_of).positions.items()}

    def unsettled(self, as_of: float | None = None) -> Decimal:
        """What funding the positions have got (or owe, negative) since they were last settled."""
        with self.chain.lock:
            return total([self.unsettled_of(one, as_of) for one in self.holdings(as_of).positions.values()])

    def unsettled_of(self, position: OpenPosition, as_of: float | None = None) -> Decimal:
        """The same, of one position."""
        moved = minus(self.chain.index(position.market.ticker, as_of), position.index)
        return times(position.size, moved).copy_negate()

    def equity(self, as_of: float | None = None) -> Decimal:
        """USDC and positions at the oracle's present prices."""
        with self.chain.lock:
            held = [times(size, self.chain.price(ticker)) for ticker, size in self.positions(as_of).items()]
            return total([self.usdc(as_of), *held])

    def free_collateral(self, as_of: float | None = None) -> Decimal:
        """Equity without the margin that positions need."""
        with self.chain.lock:
            return minus(self.equity(as_of), times(self._notional(self.positions(as_of)), INITIAL_MARGIN))

    def verify(self) -> None:
        """Recomputes cash and positions from rows and fills; raises `LedgerBrokenError`."""
        with self.chain.lock:
            held = self._holdings[-1]
            if total([row.amount for row in self.rows]) != held.usdc:
                raise LedgerBrokenError("USDC is not the sum of its rows")
            sizes: dict[str, Decimal] = {}
            for fill in self.fills:
                sizes[fill.market.ticker] = plus(sizes.get(fill.market.ticker, ZERO), fill.signed_size)
            if {ticker: size for ticker, size in sizes.items() if size} != self.positions():
                raise LedgerBrokenError("positions are not the sum of their fills")
            paid = total([one.payment for one in self.payments])
            settled = plus(total([row.amount for row in self.rows if row.kind == "funding"]), self.unsettled())
            if not ZERO <= minus(paid, settled) <= times(Decimal(len(self.rows)), Decimal("0.000001")):
                raise LedgerBrokenError("funding was settled by more than rounding beside its payments")

    # -- the ledger ----------------------------------------------------------------------------------------------------

    def _transfer(self, kind: str, amount: Decimal, address: str, number: int | None) -> PerpTransfer:
        if not amount.is_finite() or amount <= ZERO or not fits(amount, USDC_DECIMALS):
            raise InvalidAmountError("USDC")
        with self.chain.lock:
            moved = PerpTransfer(
                self._uuid(), kind, amount, address, number, self._mint.hash().upper(), self.chain.stamp()
            )
            if not moved.is_incoming and amount > self.free_collateral():
                raise InsufficientFundsError("USDC")
            self._apply("transfer", moved.id, moved.cash, moved.stamp, None)
            self.transfers.append(moved)
            self.events.append(moved)
            return moved

    def _apply(self, kind: str, reference: str, cash: Decimal, stamp: Stamp, fill: PerpFill | None) -> None:
        """Settles what funding is owed, then books the change: the rows and the state after them."""
        before = self._holdings[-1]
        settled = rounded(self.unsettled(), USDC_DECIMALS, ROUND_FLOOR)
        positions = {ticker: self._settled(position) for ticker, position in before.positions.items()}
        if settled:
            self.rows.append(CashRow("funding", reference, settled, stamp))
        self.rows.append(CashRow(kind, reference, cash, stamp))
        if fill is not None:
            self._move(positions, fill)
        usdc = plus(plus(before.usdc, settled), cash)
        self._holdings.append(Holdings(stamp.at, usdc, positions))

    def _settled(self, position: OpenPosition) -> OpenPosition:
        funding = plus(position.settled_funding, self.unsettled_of(position))
        return replace(position, index=self.chain.index(position.market.ticker), settled_funding=funding)

    def _move(self, positions: dict[str, OpenPosition], fill: PerpFill) -> None:
        ticker = fill.market.ticker
        position = positions.pop(ticker, None)
        left = fill.signed_size
        if position is not None and (position.size > ZERO) != (left > ZERO):
            closing = min(abs(position.size), fill.size)
            remains = plus(position.size, closing if left > ZERO else closing.copy_negate())
            left = minus(left, closing if left > ZERO else closing.copy_negate())
            if remains:
                positions[ticker] = replace(
                    position,
                    size=remains,
                    sum_close=plus(position.sum_close, closing),
                    cost_close=plus(position.cost_close, times(closing, fill.price)),
                )
            position = None
        if left:
            new = position or OpenPosition(fill.market, ZERO, self.chain.index(ticker), fill.stamp)
            size = plus(new.size, left)
            positions[ticker] = replace(
                new,
                size=size,
                sum_open=plus(new.sum_open, abs(left)),
                cost_open=plus(new.cost_open, times(abs(left), fill.price)),
                max_size=max(new.max_size, size, key=abs),
            )

    def _require_margin(self, fill: PerpFill) -> None:
        ticker, before = fill.market.ticker, self.positions()
        after = {**before, ticker: plus(before.get(ticker, ZERO), fill.signed_size)}
        grows = abs(after[ticker]) > abs(before.get(ticker, ZERO))
        if grows and times(self._notional(after), INITIAL_MARGIN) > minus(self.equity(), fill.costs):
            raise InsufficientFundsError("USDC")

    def _notional(self, sizes: Mapping[str, Decimal]) -> Decimal:
        return total([times(abs(size), self.chain.price(ticker)) for ticker, size in sizes.items()])

    def _uuid(self) -> str:
        return str(UUID(bytes=self._mint.bytes(16), version=5))
