"""One customer of the simulated Binance: numeric ids, fees in what is received or in BNB, simple earn, dust and transfers."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from reconcile_actors.simulation.account import Account
from reconcile_actors.simulation.binance.instruments import BINANCE, EARNING
from reconcile_actors.simulation.books import require_positive
from reconcile_actors.simulation.ids import IdMint
from reconcile_actors.simulation.ledger import Entry
from reconcile_actors.simulation.money import minus, over, rounded, times
from reconcile_actors.simulation.records import Fill, Funding, Order, Side

FEE_RATE = Decimal("0.001")
_BNB_DISCOUNT = Decimal("0.75")
_DUST_CHARGE = Decimal("0.02")
# What a quote asset is worth in BNB when fees are taken in it: fixed, because an account never asks the market.
_PER_BNB = {"USDT": Decimal(600), "USDC": Decimal(600), "BTC": Decimal("0.01")}


class BinanceMint(IdMint):
    """Numbers for all but withdrawals, whose ids have 32 hexadecimal digits."""

    def short(self, first: str) -> str:
        """Orders, and rows of the books, which are not shown."""
        return self._digits(super().short(first))

    def long(self, first: str) -> str:
        """Deposits, withdrawals (`A`), and everything else that moves funds."""
        return self.hash()[:32] if first == "A" else self._digits(super().long(first))

    def _digits(self, text: str) -> str:
        return str(1_000_000_000 + int.from_bytes(text.encode(), "big") % 10**14)


class BinanceAccount(Account):
    """`uid` is the account's number. `settled_at` says when a deposit or withdrawal was done (Unix seconds, by refid)."""

    taker_rate = FEE_RATE
    maker_rate = FEE_RATE

    def __init__(self, name: str, *, clock: Callable[[], float], mint: IdMint, uid: int) -> None:
        """`clock` and `mint` as for any account."""
        super().__init__(name, clock=clock, mint=mint, catalogue=BINANCE)
        self.uid = uid
        self.pays_fees_in_bnb = False
        self.settled_at: dict[str, float] = {}
        # Every market counts its trades for itself, so the same number stands for trades of two markets.
        self._trades: dict[str, int] = {}

    def place(
        self,
        pair: str,
        side: str,
        volume: Decimal,
        price: Decimal | None = None,
        *,
        fee_in_base: bool = False,  # noqa: ARG002 - the fee is taken of what is received
        client_id: str | None = None,
        user_reference: int | None = None,
    ) -> Order:
        return super().place(
            pair,
            side,
            volume,
            price,
            fee_in_base=Side(side) is Side.BUY,
            client_id=client_id,
            user_reference=user_reference,
        )

    def confirm_deposit(self, refid: str) -> None:
        super().confirm_deposit(refid)
        self.settled_at[refid] = self.now()

    def settle_withdrawal(self, refid: str) -> None:
        super().settle_withdrawal(refid)
        self.settled_at[refid] = self.now()

    def transfer(self, source: str, target: str, amount: Decimal) -> str:
        """Into flexible simple earn (`BTC` to `LDBTC`) or back; returns the purchase's or redemption's id."""
        require_positive(source, amount)
        kind = "subscription" if target == EARNING + source else "redemption"
        if kind == "redemption" and source != EARNING + target:
            raise LookupError(f"{source} does not become {target}")
        with self.lock:
            return self._move(
                self._mint.long("B"),
                Entry(source, amount.copy_negate(), "earn", f"flexible-{kind}"),
                Entry(target, amount, "earn", f"flexible-{kind}"),
            )

    def lock_earn(self, asset: str, amount: Decimal) -> str:
        """Into locked simple earn, which the spot wallet does not show; returns the purchase's id."""
        require_positive(asset, amount)
        with self.lock:
            return self._move(self._mint.long("B"), Entry(asset, amount.copy_negate(), "earn", "locked-subscription"))

    def unlock_earn(self, asset: str, amount: Decimal) -> str:
        """Back from locked simple earn; returns the redemption's id."""
        require_positive(asset, amount)
        with self.lock:
            return self._move(self._mint.long("B"), Entry(asset, amount, "earn", "locked-redemption"))

    def move_wallet(self, kind: str, asset: str, amount: Decimal) -> str:
        """A universal transfer such as `MAIN_FUNDING` or `UMFUTURE_MAIN`; returns its number."""
        require_positive(asset, amount)
        signed = amount.copy_negate() if kind.startswith("MAIN_") else amount
        with self.lock:
            return self._move(self._mint.long("B"), Entry(asset, signed, "universal", kind))

    def sweep_dust(self, swept: Mapping[str, Decimal], *, into: str = "BNB") -> str:
        """Small rests become one asset: `swept` says what each is worth, before the charge of two per cent.

        Returns the sweep's number.
        """
        entries = []
        with self.lock:
            for asset, worth in swept.items():
                charge = rounded(times(worth, _DUST_CHARGE), 8)
                entries.append(Entry(asset, self.available(asset).copy_negate(), "dust", f"{charge:f}"))
                entries.append(Entry(into, minus(worth, charge), "dust", asset))
            return self._move(self._mint.long("B"), *entries)

    def _charge(self, order: Order, volume: Decimal, cost: Decimal, rate: Decimal) -> tuple[str, Decimal]:
        per_bnb = _PER_BNB.get(order.pair.quote)
        if self.pays_fees_in_bnb and per_bnb is not None:
            charged = rounded(over(times(times(cost, rate), _BNB_DISCOUNT), per_bnb), 8)
            if self.available("BNB") >= charged and "BNB" not in {order.pair.base, order.pair.quote}:
                return "BNB", charged
        return super()._charge(order, volume, cost, rate)

    def _priced(self, order: Order, volume: Decimal, price: Decimal, *, maker: bool) -> Fill:
        number = self._trades.get(order.pair.id, 28_456) + 1
        self._trades[order.pair.id] = number
        fill = super()._priced(order, volume, price, maker=maker)
        return replace(fill, id=str(number), number=number)

    def done_at(self, funding: Funding) -> float | None:
        """When a deposit was credited or a withdrawal had left (Unix seconds); None while it is pending."""
        return self.settled_at.get(funding.refid)
