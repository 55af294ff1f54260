"""Whatever is done to a simulated account, its books add up, and what is refused leaves no trace."""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from reconcile_actors.simulation.account import Account
from reconcile_actors.simulation.ids import IdMint
from reconcile_actors.simulation.ledger import Holding, InsufficientFundsError
from reconcile_actors.simulation.money import ZERO, minus, plus
from reconcile_actors.simulation.orders import InvalidOrderError
from reconcile_actors.simulation.seeding import seeded

ASSETS = st.sampled_from(["XXBT", "ZUSD", "XETH", "XBT.F"])
CENTS = st.integers(1, 50_000).map(lambda count: Decimal(count).scaleb(-2))
LOTS = st.integers(1, 2_000_000).map(lambda count: Decimal(count).scaleb(-8))
PRICES = st.integers(1, 2_000_000).map(lambda ticks: Decimal(ticks).scaleb(-1))


class AnyAccount(RuleBasedStateMachine):
    """Random changes in random order; the model here is a plain sum over rows, kept apart from the ledger's own."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self.account = Account("any", clock=lambda: self.seconds, mint=IdMint(seeded("any")))
        self.past: list[tuple[float, dict[str, Holding]]] = []

    def attempt(self, change) -> None:
        """Runs a change; one that is refused must change nothing."""
        self.past.append((self.account.now(), self.account.holdings()))
        self.seconds += 0.5
        before = (
            self.account.holdings(),
            self.account.ledger.rows(),
            dict(self.account.orders),
            dict(self.account.fundings),
        )
        try:
            change()
        except (InsufficientFundsError, InvalidOrderError):
            after = (self.account.holdings(), self.account.ledger.rows(), self.account.orders, self.account.fundings)
            assert after == before

    @rule(asset=ASSETS, amount=CENTS)
    def deposit(self, asset, amount) -> None:
        self.attempt(lambda: self.account.deposit(asset, amount))

    @rule(asset=ASSETS, amount=CENTS, fee=CENTS, fails=st.booleans())
    def withdraw(self, asset, amount, fee, fails) -> None:
        def change() -> None:
            refid = self.account.withdraw(asset, amount, fee=fee, pending=True)
            (self.account.fail_withdrawal if fails else self.account.settle_withdrawal)(refid)

        self.attempt(change)

    @rule(asset=ASSETS, amount=CENTS, sign=st.sampled_from([1, -1]))
    def adjust(self, asset, amount, sign) -> None:
        self.attempt(lambda: self.account.adjust(asset, amount * sign))

    @rule(amount=CENTS, back=st.booleans())
    def transfer(self, amount, back) -> None:
        source, target = ("XBT.F", "XXBT") if back else ("XXBT", "XBT.F")
        self.attempt(lambda: self.account.transfer(source, target, amount))

    @rule(spent=CENTS, received=CENTS, fee=CENTS)
    def convert(self, spent, received, fee) -> None:
        self.attempt(lambda: self.account.convert("ZUSD", spent, "XETH", received, fee=fee))

    @rule(side=st.sampled_from(["buy", "sell"]), volume=LOTS, price=PRICES, in_base=st.booleans())
    def place(self, side, volume, price, in_base) -> None:
        self.attempt(lambda: self.account.place("XXBTZUSD", side, volume, price, fee_in_base=in_base))

    @rule(pick=st.integers(0), part=st.integers(1, 100), better=st.booleans())
    def fill(self, pick, part, better) -> None:
        orders = self.account.open_orders()
        if orders:
            order = orders[pick % len(orders)]
            volume = max((order.remaining * part / 100).quantize(Decimal("1E-8")), Decimal("1E-8"))
            price = order.price - Decimal("0.1") if better and order.side == "buy" and order.price > 1 else order.price
            self.attempt(lambda: self.account.fill(order.id, min(volume, order.remaining), price))

    @rule(pick=st.integers(0))
    def cancel(self, pick) -> None:
        orders = self.account.open_orders()
        if orders:
            self.attempt(lambda: self.account.cancel(orders[pick % len(orders)].id))

    @invariant()
    def books_add_up(self) -> None:
        """Balance is the sum of amount less fee; hold is the sum over open orders and within the balance."""
        self.account.verify()
        sums: dict[str, Decimal] = {}
        for row in self.account.ledger.rows():
            sums[row.asset] = plus(sums.get(row.asset, ZERO), minus(row.amount, row.fee))
            assert sums[row.asset] == row.balance
        for asset, holding in self.account.holdings().items():
            assert sums.get(asset, ZERO) == holding.balance
            assert ZERO <= holding.hold <= holding.balance

    @invariant()
    def every_trade_is_two_rows(self) -> None:
        """Base and quote, under the trade's id; their fees are what the fill says."""
        rows = {row.id: row for row in self.account.ledger.rows()}
        for fill in self.account.fills:
            base, quote = (rows[row_id] for row_id in fill.ledger_ids)
            assert (base.refid, quote.refid) == (fill.id, fill.id)
            assert (base.asset, quote.asset) == ("XXBT", "ZUSD")
            assert abs(base.amount) == fill.volume
            assert plus(base.fee, quote.fee) == fill.fee_charged

    def teardown(self) -> None:
        """The past is told as it was seen then."""
        for at, holdings in self.past:
            assert self.account.holdings(at) == holdings


AnyAccount.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestAnyAccount = AnyAccount.TestCase
