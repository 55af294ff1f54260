"""An independent bookkeeper that hears only the reports: honest ones lead it to the ledger, wrong ones astray by exactly what was wrong."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile_actors.simulation import Misreporting, SimulatedKraken, Trader

CODES = {"ZUSD": "USD", "XXBT": "BTC", "XETH": "ETH", "XBT.F": "BTC.F"}
D = Decimal


class Bookkeeper:
    """Keeps totals and what open orders lock, from reports alone, and counts every report once."""

    def __init__(self) -> None:
        self.totals: dict[str, Decimal] = {}
        self.orders: dict[str, dict] = {}
        self.seen: set[tuple[str, ...]] = set()

    def hear(self, report: dict) -> None:
        match report["type"]:
            case "SetBalances":
                self.totals = {row["currency"]: D(row["total"]) for row in report["balances"]}
            case "OpenOrder":
                self.orders[report["order_id"]] = {**report, "left": D(report["quantity"])}
            case "CloseOrder":
                del self.orders[report["order_id"]]
            case "RecordFill":
                if self.is_new("fill", report["id"]):
                    self.fill(report)
            case _:
                if self.is_new(report["id"], report["currency"]):
                    self.add(report["currency"], D(report["amount"]))

    def fill(self, report: dict) -> None:
        base, quote = report["symbol"].split("/")
        sign = 1 if report["side"] == "buy" else -1
        quantity = D(report["quantity"])
        self.add(base, sign * quantity)
        self.add(quote, -sign * quantity * D(report["price"]))
        self.add(report["fee_currency"], -D(report["fee"]))
        if report["order_id"] in self.orders:
            self.orders[report["order_id"]]["left"] -= quantity

    def locked(self, currency: str) -> Decimal:
        held = D(0)
        for order in self.orders.values():
            base, quote = order["symbol"].split("/")
            if order["side"] == "sell" and base == currency:
                held += order["left"]
            if order["side"] == "buy" and quote == currency:
                held += order["left"] * D(order["price"])
        return held

    def add(self, currency: str, amount: Decimal) -> None:
        self.totals[currency] = self.totals.get(currency, D(0)) + amount

    def is_new(self, *key: str) -> bool:
        if key in self.seen:
            return False
        self.seen.add(key)
        return True


def play(seed: int, steps: int, misreporting: Misreporting) -> tuple[SimulatedKraken, Trader, Bookkeeper]:
    now = [1_700_000_000.0]
    kraken = SimulatedKraken(seed=seed, clock=lambda: now[0])
    for asset, amount in (("ZUSD", D(50_000)), ("XXBT", D(2)), ("XETH", D(20)), ("USDT", D(2_000))):
        kraken.account.deposit(asset, amount)
    trader = Trader(
        kraken.account,
        kraken.market,
        exchange="kraken-main",
        seed=seed,
        actions_per_second=10,
        misreporting=misreporting,
    )
    bookkeeper = Bookkeeper()
    bookkeeper.hear(trader.opening())
    for _ in range(steps):
        now[0] += 0.1
        for report in trader.step(now[0]):
            bookkeeper.hear(report)
    for report in trader.reporter.due(now[0] + 3600):
        bookkeeper.hear(report)
    kraken.account.verify()
    return kraken, trader, bookkeeper


@given(seed=st.integers(0, 10_000), duplicate=st.integers(1, 30))
@settings(max_examples=20, deadline=None)
def test_honest_reports_reproduce_the_ledger_to_the_last_digit(seed, duplicate):
    """Totals and locked funds agree exactly, whether or not a report came twice."""
    wrong = Misreporting(duplicate_fills=frozenset({duplicate}))
    kraken, trader, bookkeeper = play(seed, 150, wrong)
    assert trader.reporter.omitted == []
    for asset, holding in kraken.account.holdings().items():
        currency = CODES.get(asset, asset)
        assert bookkeeper.totals[currency] == holding.balance, asset
        assert bookkeeper.locked(currency) == holding.hold, asset


@given(seed=st.integers(0, 10_000), dropped=st.integers(1, 20), fee=st.integers(1, 20))
@settings(max_examples=20, deadline=None)
def test_what_was_omitted_explains_the_whole_difference(seed, dropped, fee):
    """Once the bookkeeper hears what was kept from it, nothing is left to explain."""
    wrong = Misreporting(drop_fills=frozenset({dropped}), drop_fees=frozenset({fee}), lateness_seconds=(0.0, 2.0))
    kraken, trader, bookkeeper = play(seed, 150, wrong)
    for report in trader.reporter.omitted:
        if report["type"] == "RecordFee":
            bookkeeper.add(report["currency"], -D(report["amount"]))
        else:
            bookkeeper.hear(report)
    for asset, holding in kraken.account.holdings().items():
        assert bookkeeper.totals[CODES.get(asset, asset)] == holding.balance, asset
