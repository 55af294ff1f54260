"""Asset ids and pairs as wallets and unified codes."""

import pytest

from reconcile_actors.exchanges.kraken.codes import altname, currency_code, is_pair_of
from reconcile_actors.exchanges.kraken.wallets import place_of


@pytest.mark.parametrize(
    ("asset", "wallet", "currency"),
    [
        ("XXBT", "spot", "BTC"),
        ("XBT", "spot", "BTC"),
        ("ZUSD", "spot", "USD"),
        ("XXDG", "spot", "DOGE"),
        ("USDT", "spot", "USDT"),
        ("1INCH", "spot", "1INCH"),
        ("xXbT", "spot", "BTC"),
        ("LUNA", "spot", "LUNC"),
        ("LUNA2", "spot", "LUNA"),
        ("XBT.F", "flexible", "BTC"),
        ("USD.F", "flexible", "USD"),
        ("ETH2.S", "staked", "ETH2"),
        ("DOT28.S", "staked", "DOT28"),
        ("SOL.B", "bonded", "SOL"),
        ("XBT.M", "rewards", "BTC"),
        ("KSM.P", "parachain", "KSM"),
        ("EUR.HOLD", "hold", "EUR"),
        ("XBT.T", "t", "BTC"),
        ("XBT.F.Q", "f.q", "BTC"),
    ],
)
def test_place(asset: str, wallet: str, currency: str) -> None:
    """Every suffix is a wallet of its own, a known one by its name."""
    assert place_of(asset) == (wallet, currency)


@pytest.mark.parametrize("asset", ["", ".", ".F", "XBT.", "X BT", "XBT.F.Q.R", "Ä", "X" * 25, "XBT\n", "A/B"])
def test_no_place(asset: str) -> None:
    """What cannot be an asset id has no place."""
    assert place_of(asset) is None


@pytest.mark.parametrize("currency", ["BTC", "DOGE", "LUNC", "LUNA", "REP", "REPV1", "USTC", "KFEE", "ETH", "USDT"])
def test_altname_is_the_way_back(currency: str) -> None:
    """The name for pairs translates back to the same currency."""
    assert currency_code(altname(currency)) == currency


@pytest.mark.parametrize(
    ("pair", "base", "quote"),
    [
        ("XXBTZUSD", "BTC", "USD"),
        ("XBTUSD", "BTC", "USD"),
        ("XETHXXBT", "ETH", "BTC"),
        ("USDTZUSD", "USDT", "USD"),
        ("ADAETH", "ADA", "ETH"),
        ("XDGUSD", "DOGE", "USD"),
        ("SOLUSDT", "SOL", "USDT"),
    ],
)
def test_pairs(pair: str, base: str, quote: str) -> None:
    """Ids and altnames of pairs are recognised, and only the right way round."""
    assert is_pair_of(pair, base, quote)
    assert not is_pair_of(pair, quote, base)


def test_no_pair() -> None:
    """Another market's name is not taken."""
    assert not is_pair_of("XXBTZEUR", "BTC", "USD")
    assert not is_pair_of("", "BTC", "USD")
