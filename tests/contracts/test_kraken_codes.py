"""Our table of Kraken's codes is ccxt's: a currency has one name, whoever translates it."""

import re

import ccxt
import pytest

from reconcile_actors.exchanges.kraken.codes import altname, currency_code
from reconcile_actors.exchanges.kraken.wallets import place_of
from reconcile_actors.simulation.instruments import ASSETS, PAIRS

CLIENT = ccxt.kraken()
_NAMES = """
AAVE ADA ALGO APE ARB ATOM AVAX BABY BAT BCH BNB BONK COMP CRV DAI DASH DOGE DOT DYDX ENJ EOS ETC ETH EUR EURT
EWT FET FIL FLOW GALA GBP GNO GRT ICP INJ JUP KAVA KEEP KSM LDO LINK LPT LRC LTC MANA MATIC MINA MKR NANO NEAR
OCEAN OMG OP OXT PAXG PEPE POL PYTH QTUM RENDER RUNE SAND SC SEI SHIB SNX SOL STORJ SUI SUSHI TAO TIA TON
TRUMP TRX TUSD UNI USD USDC USDG USDT WBTC WIF XCN XLM XMR XRP XTZ YFI ZEC ZRX 1INCH CHF ZEUS XDC ZK X Z XX ZZ
AAPLx TSLAx
"""
PLAIN = re.findall(r"\w+", _NAMES)
IDS = sorted({*CLIENT.commonCurrencies, *PLAIN, *ASSETS} | {name.lower() for name in CLIENT.commonCurrencies})
SUFFIXES = ("F", "S", "B", "M", "P", "HOLD", "T")


def test_the_list_is_long() -> None:
    """The comparison is worth its name."""
    assert len(IDS) > 150


@pytest.mark.parametrize("native", [name for name in IDS if "." not in name])
def test_codes_are_those_of_ccxt(native: str) -> None:
    """Every id without suffix has ccxt's unified code."""
    assert currency_code(native) == CLIENT.safe_currency_code(native)


@pytest.mark.parametrize("native", [name for name in IDS if "." not in name])
def test_suffixed_codes_are_those_of_ccxt(native: str) -> None:
    """Under a suffix the currency keeps the name that ccxt gives it before the dot."""
    for suffix in SUFFIXES:
        place = place_of(f"{native}.{suffix}")
        assert place is not None
        assert f"{place.currency}.{suffix}" == CLIENT.safe_currency_code(f"{native}.{suffix}")


@pytest.mark.parametrize("asset", [name for name in IDS if "." in name])
def test_assets_with_suffix(asset: str) -> None:
    """Suffix wallets of the simulated exchange are named like ccxt names them."""
    place = place_of(asset)
    assert place is not None
    assert f"{place.currency}.{asset.partition('.')[2]}" == CLIENT.safe_currency_code(asset)


def test_every_simulated_asset_has_a_place() -> None:
    """No two assets share one, but for the pair that is known to collide."""
    places: dict[object, list[str]] = {}
    for asset in ASSETS:
        places.setdefault(place_of(asset), []).append(asset)
    assert [assets for assets in places.values() if len(assets) > 1] == [["XREP", "REPV2"]]


def test_altnames_are_those_of_the_pairs() -> None:
    """The name that we ask tickers by is the one in the pair's own altname."""
    for pair in PAIRS.values():
        base, quote = currency_code(pair.base), currency_code(pair.quote)
        if base != "REP":
            assert pair.altname == altname(base) + altname(quote)
