"""Our table of Binance's codes is ccxt's: a currency has one name, whoever translates it."""

import ccxt
import pytest

from reconcile_actors.exchanges.binance.codes import currency_code, earning_code
from reconcile_actors.simulation.binance import BINANCE

CLIENT = ccxt.binance()
IDS = sorted(
    {*CLIENT.commonCurrencies, *CLIENT.commonCurrencies.values(), *filter(str.isascii, BINANCE.assets)}
    | {"1000SATS", "BCHABC", "BETH", "BNFCR", "LDO", "LUNA", "LUNC", "NFT", "REP", "T", "USD4", "UST", "USTC", "W"}
)


@pytest.mark.parametrize("asset", IDS)
def test_codes_are_those_of_ccxt(asset: str) -> None:
    """Every asset has ccxt's unified code, what earns included."""
    assert currency_code(asset) == CLIENT.safe_currency_code(asset)
    assert earning_code(asset) == CLIENT.safe_currency_code(f"LD{asset}")


def test_another_script_is_written_in_ascii() -> None:
    """As in domain names; what earns of it is another currency."""
    assert currency_code("币安人生") == "xn--gmq052af0bo42b"
    assert earning_code("币安人生") == "xn--LD-ub3cl81cj4cu11c"


@pytest.mark.parametrize("asset", ["", "BTC USDT", "A" * 25, "BTC\n", "../x"])
def test_what_is_no_code(asset: str) -> None:
    """Text that cannot name an asset is none."""
    assert currency_code(asset) is None
