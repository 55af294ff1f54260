"""How Binance's lists are read whole, what is kept of them, and which symbols are asked."""

import asyncio
from decimal import Decimal

import pytest

from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.domain.snapshot import Bracket
from reconcile_actors.exchanges.binance import lists
from reconcile_actors.exchanges.binance.entries import Entry, Reader
from reconcile_actors.exchanges.binance.kept import OVERLAP_US, Kept
from reconcile_actors.exchanges.binance.lists import account_lists, read_list
from reconcile_actors.exchanges.binance.markets import Markets, read_markets
from reconcile_actors.exchanges.binance.traded import SYMBOLS_A_READ, TRADED_MAX, Span, Traded
from reconcile_actors.exchanges.port import ExchangeFailureError
from tests.unit.exchanges.fake_listing import FakeListing

SECOND = 1_000_000


def read(one: FakeListing, start_ms: int, end_ms: int) -> list[str | None]:
    entries = asyncio.run(read_list(one.ask, one.listing, start_ms * 1000, end_ms * 1000))
    return [entry.movement.id for entry in entries]


def test_a_short_list_is_one_request() -> None:
    """What fits into an answer is asked once, both ends included."""
    one = FakeListing([(1000, "a"), (2000, "b"), (2001, "c")])
    assert read(one, 1000, 2000) == ["a", "b"]
    assert one.asked == [(1000, 2000)]


def test_windows_meet_without_a_gap() -> None:
    """A long time is cut into windows; a row at each border is there once."""
    one = FakeListing([(at, str(at)) for at in (0, 9_999, 10_000, 19_999, 20_000, 25_000)])
    assert read(one, 0, 25_000) == ["0", "9999", "10000", "19999", "20000", "25000"]
    assert one.asked == [(0, 9_999), (10_000, 19_999), (20_000, 25_000)]


def test_a_full_answer_is_halved() -> None:
    """Until each part holds all that there is, in the order of time."""
    rows = [(at, str(at)) for at in range(0, 100, 3)]
    assert read(FakeListing(rows), 0, 99) == [id_ for _, id_ in rows]


def test_too_much_at_once_is_a_failure() -> None:
    """More in one millisecond than an answer holds cannot be read whole, nor what takes too many requests."""
    with pytest.raises(ExchangeFailureError, match="history_too_dense"):
        read(FakeListing([(7, str(n)) for n in range(5)]), 0, 99)
    with pytest.raises(ExchangeFailureError, match="history_too_long"):
        read(FakeListing([]), 0, 10_000 * (lists.WINDOWS_MAX + 1))


@pytest.mark.parametrize(
    ("method", "content", "whole"),
    [
        ("sapiGetAssetAssetDividend", {"rows": [{}], "total": 1}, True),
        ("sapiGetAssetAssetDividend", {"rows": [{}], "total": 2}, False),
        ("sapiGetAssetAssetDividend", {"rows": [{}, {}], "total": 1}, None),
        ("sapiGetAssetAssetDividend", {"rows": [{}]}, None),
        ("sapiGetAssetTransfer", {"total": 0}, True),
        ("sapiGetAssetTransfer", {"total": 1}, None),
        ("sapiGetConvertTradeFlow", {"list": [], "moreData": False}, True),
        ("sapiGetConvertTradeFlow", {"list": [], "moreData": True}, False),
        ("sapiGetConvertTradeFlow", {"list": []}, None),
        ("sapiGetConvertTradeFlow", [], None),
        ("sapiGetAssetDribblet", {"userAssetDribblets": [{}] * 100}, False),
        ("sapiGetCapitalDepositHisrec", [{}] * 1000, False),
    ],
)
def test_what_tells_that_an_answer_is_whole(method: str, content: object, whole: bool | None) -> None:
    """Each list says in its own way whether rows are left over; what says nothing is refused (None)."""
    listing = next(one for one in account_lists(Reader("main")) if one.method == method)
    if whole is None:
        with pytest.raises(ExchangeFailureError):
            listing.is_whole(content)
    else:
        assert listing.is_whole(content) is whole


def entry(at: int, id_: str) -> Entry:
    return Entry(at, Movement("main", "spot", MovementType.FILL, id_, {}, occurred_at=at))


def take(kept: Kept, since_at: int, through_at: int, *entries: Entry, lookback: int = 0) -> None:
    start_at = kept.start(since_at, since_at)
    kept.take(entries, start_at=start_at, listed_from=start_at - lookback, since_at=since_at, through_at=through_at)


def ids(kept: Kept) -> list[str | None]:
    return [movement.id for movement in kept.movements()]


def test_a_list_is_read_on_from_where_it_ended() -> None:
    """With an overlap; from the beginning where somebody asks further back; and never before it was asked from."""
    kept = Kept()
    assert kept.start(1000 * SECOND, 900 * SECOND) == 900 * SECOND
    kept.take((), start_at=900 * SECOND, listed_from=900 * SECOND, since_at=1000 * SECOND, through_at=2000 * SECOND)
    assert kept.start(1000 * SECOND, 0) == 2000 * SECOND - OVERLAP_US
    assert kept.start(3000 * SECOND, 0) == 2000 * SECOND - OVERLAP_US
    assert kept.start(800 * SECOND, 0) == 800 * SECOND


def test_what_is_read_again_replaces_what_was_there() -> None:
    """Of the time that was read again only what is listed now counts; older entries stay until nobody asks for them."""
    kept = Kept()
    take(kept, 1000 * SECOND, 2000 * SECOND, entry(1500 * SECOND, "old"), entry(1990 * SECOND, "gone"))
    take(kept, 1000 * SECOND, 2100 * SECOND, entry(2030 * SECOND, "new"))
    assert ids(kept) == ["old", "new"]
    take(kept, 1600 * SECOND, 2200 * SECOND)
    assert ids(kept) == ["new"]
    assert (kept.has_any(), kept.has_any(2030 * SECOND), kept.has_any(2031 * SECOND)) == (True, True, False)


def test_a_list_looks_back_from_where_it_starts() -> None:
    """What is listed earlier than it counts is kept as long as it may still count."""
    kept = Kept()
    take(kept, 1000 * SECOND, 2000 * SECOND, entry(500 * SECOND, "waiting"), lookback=600 * SECOND)
    assert ids(kept) == ["waiting"]
    take(kept, 1000 * SECOND, 2100 * SECOND, lookback=600 * SECOND)
    assert ids(kept) == ["waiting"]


MARKETS = Markets(
    {f"{base}/{quote}": base + quote for base, quote in (("BTC", "USDT"), ("ETH", "USDT"), ("ETH", "BTC"))},
    {"BTC": ("USDT",), "ETH": ("USDT", "BTC")},
)


def at(second: int) -> Bracket:
    return Bracket(0, 0, second * SECOND, second * SECOND + 1)


def totals(**amounts: int) -> dict[str, Decimal]:
    return {currency: Decimal(amount) for currency, amount in amounts.items()}


def test_what_changed_together_is_asked_from_before_the_change() -> None:
    """From R before the read before to the read that showed it; one currency alone is no fill."""
    traded = Traded(SECOND)
    traded.observe(totals(USDT=5), at(100))
    assert traded.to_ask(MARKETS) == {}
    traded.observe(totals(USDT=4), at(110))
    assert traded.to_ask(MARKETS) == {}
    traded.observe(totals(USDT=3, BTC=1), at(120))
    assert traded.to_ask(MARKETS) == {"BTC/USDT": Span(109 * SECOND, 120 * SECOND + 1)}


def test_a_symbol_stays_due_until_its_change_is_covered() -> None:
    """A history that ends before the read which showed the change has not seen its fill yet."""
    traded = Traded(SECOND)
    traded.observe(totals(USDT=5, BTC=0), at(100))
    traded.observe(totals(USDT=4, BTC=1), at(110))
    traded.to_ask(MARKETS)
    traded.asked("BTC/USDT", 110 * SECOND, has_fills=False)
    assert list(traded.to_ask(MARKETS)) == ["BTC/USDT"]
    traded.asked("BTC/USDT", 111 * SECOND, has_fills=False)
    assert traded.to_ask(MARKETS) == {}
    assert not traded.cares_for("BTC/USDT")


def test_what_traded_is_asked_again_the_least_recent_first() -> None:
    """And a change goes before it."""
    traded = Traded(SECOND)
    traded.observe(totals(USDT=5, BTC=5, ETH=5), at(100))
    assert set(traded.to_ask(MARKETS)) == set(MARKETS.natives)
    for symbol in ("ETH/BTC", "BTC/USDT", "ETH/USDT"):
        traded.asked(symbol, 101 * SECOND, has_fills=True)
    assert list(traded.to_ask(MARKETS)) == ["ETH/BTC", "BTC/USDT", "ETH/USDT"]
    traded.asked("ETH/BTC", 102 * SECOND, has_fills=True)
    traded.observe(totals(USDT=4, BTC=5, ETH=6), at(110))
    assert list(traded.to_ask(MARKETS)) == ["ETH/USDT", "BTC/USDT", "ETH/BTC"]
    assert traded.waiting == {"ETH/USDT": Span(99 * SECOND, 110 * SECOND + 1)}
    assert traded.to_ask(Markets()) == {}, "of markets that are gone nothing can be asked"
    assert traded.waiting == {}


def test_neither_changes_nor_symbols_grow_without_end() -> None:
    """Many changes are asked as one; a read asks a bounded number of symbols, and of what traded the newest are remembered."""
    names = [f"C{n}" for n in range(400)]
    markets = Markets({f"{one}/USDT": f"{one}USDT" for one in names}, dict.fromkeys(names, ("USDT",)))
    traded = Traded(SECOND)
    held = totals(USDT=0)
    traded.observe(held, at(1))
    for number, name in enumerate(names):
        held = {**held, name: Decimal(1), "USDT": Decimal(-number - 1)}
        traded.observe(held, at(number + 2))
    assert len(traded.to_ask(markets)) == SYMBOLS_A_READ
    for name in names:
        traded.asked(f"{name}/USDT", 10**6 * SECOND, has_fills=True)
    asked = list(traded.to_ask(markets))
    assert len(asked) == SYMBOLS_A_READ
    assert asked[0] == f"C{len(names) - TRADED_MAX}/USDT"


def test_markets() -> None:
    """Unified symbols by currency; two of one name, or none at all, are refused."""
    rows = [{"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT"}]
    markets = read_markets({"symbols": [*rows, {"symbol": "YOYOBTC", "baseAsset": "YOYO", "quoteAsset": "BTC"}]})
    assert markets.natives == {"BTC/USDT": "BTCUSDT", "YOYOW/BTC": "YOYOBTC"}
    assert set(markets.among({"BTC", "USDT", "YOYOW"})) == set(markets.natives)
    assert list(markets.among({"BTC", "EUR"})) == []
    for wrong in ([], [*rows, *rows], [{**rows[0], "baseAsset": None}]):
        with pytest.raises(ExchangeFailureError):
            read_markets({"symbols": wrong})
