"""The trading process: its reports reproduce the ledger when honest, and go wrong exactly as told."""

from collections import Counter
from decimal import Decimal

from simulation_client import Clock, funded

from reconcile_actors.simulation import Misreporting, SimulatedKraken, Trader
from reconcile_actors.simulation.reports import Reporter, timestamp, unified

D = Decimal


def run(
    steps: int = 200, *, seed: int = 1, seconds: float = 0.1, **options
) -> tuple[SimulatedKraken, Trader, list[dict]]:
    clock = Clock()
    kraken = SimulatedKraken(seed=seed, clock=clock, tier=None)
    funded(kraken)
    trader = Trader(kraken.account, kraken.market, exchange="kraken-main", seed=seed, actions_per_second=10, **options)
    reports = [trader.opening()]
    for _ in range(steps):
        clock.advance(seconds)
        reports += trader.step(clock())
    clock.advance(1000)
    reports += trader.reporter.due(clock())
    return kraken, trader, reports


def fills_of(reports: list[dict]) -> list[dict]:
    return [report for report in reports if report["type"] == "RecordFill"]


def test_the_same_seed_tells_the_same_story():
    """Seed and calls decide every report."""
    assert run()[2] == run()[2]
    assert run()[2] != run(seed=2)[2]


def test_a_trader_does_everything_a_bot_does():
    """Orders open, fill and end; money comes, goes, earns."""
    kraken, _, reports = run(400)
    kinds = Counter(report["type"] for report in reports)
    assert set(kinds) == {"SetBalances", "RecordFill", "OpenOrder", "CloseOrder", "RecordTransfer", "RecordReward"}
    assert any(order.status == "canceled" for order in kraken.account.orders.values())
    kraken.account.verify()


def test_the_opening_states_the_whole_wallet():
    """Every asset with total, available and locked, under common names."""
    _, _, reports = run(0)
    opening = reports[0]
    assert (opening["type"], opening["exchange"], opening["wallet"], opening["version"]) == (
        "SetBalances",
        "kraken-main",
        "spot",
        1,
    )
    assert opening["as_of"] == "2023-11-14T22:13:20.000000+00:00"
    assert opening["balances"][0] == {
        "currency": "USD",
        "total": "100000.0000",
        "available": "100000.0000",
        "locked": "0.0000",
    }


def test_a_fill_is_told_with_the_exchange_s_own_ids():
    """Id, order, symbol, amounts and time are those of the trade."""
    kraken, _, reports = run()
    fill, report = kraken.account.fills[0], fills_of(reports)[0]
    assert (report["id"], report["order_id"]) == (fill.id, fill.order_id)
    assert report["symbol"] in {"BTC/USD", "ETH/USD", "ETH/BTC", "USDT/USD"}
    assert (D(report["quantity"]), D(report["price"]), D(report["fee"])) == (fill.volume, fill.price, fill.fee_charged)
    assert report["occurred_at"] == timestamp(fill.at)


def test_dropped_fills_and_fees_are_kept_as_the_truth():
    """The k-th fill is never told, the m-th without its fee, the n-th twice; all else is told."""
    honest = fills_of(run()[2])
    _, trader, reports = run(
        misreporting=Misreporting(drop_fills=frozenset({3}), drop_fees=frozenset({5}), duplicate_fills=frozenset({7}))
    )
    told = fills_of(reports)
    assert honest[2] not in told
    assert next(report for report in told if report["id"] == honest[4]["id"])["fee"] == "0"
    assert [report["id"] for report in told].count(honest[6]["id"]) == 2
    assert trader.reporter.omitted == [
        honest[2],
        {
            "type": "RecordFee",
            "exchange": "kraken-main",
            "wallet": "spot",
            "id": honest[4]["id"],
            "currency": honest[4]["fee_currency"],
            "amount": honest[4]["fee"],
        },
    ]


def test_a_delayed_fill_comes_late_and_nothing_else_does():
    """The second fill is told two seconds after it happened."""
    clock = Clock()
    kraken = SimulatedKraken(clock=clock)
    funded(kraken)
    reporter = Reporter(exchange="k", misreporting=Misreporting(delay_fills={2: 2.0}))
    kraken.account.events.clear()
    for _ in range(3):
        kraken.market.submit(kraken.account, "XBTUSD", "sell", D("0.1"))
    reporter.tell(kraken.account.events, clock())
    ids = [fill.id for fill in kraken.account.fills]
    assert [report["id"] for report in reporter.due(clock() + 1.9)] == [ids[0], ids[2]]
    assert [report["id"] for report in reporter.due(clock() + 2.0)] == [ids[1]]


def test_lateness_and_reordering_lose_nothing():
    """Late and shuffled reports are the honest ones in another order."""
    honest = run()[2]
    _, _, late = run(misreporting=Misreporting(lateness_seconds=(0.0, 1.5)))
    _, _, shuffled = run(seconds=1.0, misreporting=Misreporting(reorder=True))
    ordered = run(seconds=1.0)[2]
    for wrong, right in ((late, honest), (shuffled, ordered)):
        assert wrong != right
        assert sorted(map(repr, wrong)) == sorted(map(repr, right))


def test_whole_kinds_can_be_kept_silent():
    """A bot that never tells of transfers."""
    _, trader, reports = run(400, misreporting=Misreporting(drop_types=frozenset({"RecordTransfer"})))
    assert not [report for report in reports if report["type"] == "RecordTransfer"]
    assert {report["type"] for report in trader.reporter.omitted} == {"RecordTransfer"}


def test_what_others_do_is_not_told():
    """A theft, a glitch and a hand-made order on the same account stay unknown to the bot."""
    clock = Clock()
    kraken = SimulatedKraken(clock=clock)
    funded(kraken)
    trader = Trader(kraken.account, kraken.market, exchange="k", actions_per_second=0)
    trader.opening()
    kraken.account.withdraw("XXBT", D(1))
    kraken.account.adjust("ZUSD", D(-1))
    kraken.market.submit(kraken.account, "XBTUSD", "sell", D("0.1"))
    assert trader.step(clock()) == []


def test_a_watermark_names_the_account_and_the_time():
    """It has no wallet, since it speaks for the whole account."""
    _, trader, _ = run(0)
    assert trader.watermark(0.5) == {
        "type": "LocalWatermark",
        "exchange": "kraken-main",
        "through": "1970-01-01T00:00:00.500000+00:00",
    }


def test_a_trader_without_funds_waits():
    """Nothing is done and nothing is told when nothing can be paid."""
    clock = Clock()
    kraken = SimulatedKraken(clock=clock)
    trader = Trader(kraken.account, kraken.market, exchange="k", actions_per_second=100, moves_funds=False)
    trader.step(clock())
    clock.advance(1)
    assert trader.step(clock()) == []
    poor = Trader(kraken.account, kraken.market, exchange="k", actions_per_second=100, seed=3, pairs=("SOLUSD",))
    poor.step(clock())
    clock.advance(3)
    assert all(report["type"] in {"RecordTransfer", "RecordReward"} for report in poor.step(clock()))


def test_a_fixed_lot_and_a_shared_market():
    """With lots (1, 1) every order is one step; a second trader leaves the prices alone."""
    clock = Clock()
    kraken = SimulatedKraken(clock=clock)
    funded(kraken)
    trader = Trader(
        kraken.account,
        kraken.market,
        exchange="k",
        actions_per_second=50,
        pairs=("XXBTZUSD",),
        lots=(1, 1),
        moves_funds=False,
        drives_market=False,
    )
    for _ in range(20):
        clock.advance(0.1)
        trader.step(clock())
    assert {order.volume for order in kraken.account.orders.values()} == {D("0.001")}
    assert kraken.market.stepped_at is None


def test_common_names():
    """Codes become the names that the rest of the world uses, suffixes kept."""
    names = {"XXBT": "BTC", "XBT.F": "BTC.F", "ETH2.S": "ETH2.S", "ZUSD": "USD", "USD.F": "USD.F", "REPV2": "REP"}
    assert {code: unified(code) for code in names} == names
