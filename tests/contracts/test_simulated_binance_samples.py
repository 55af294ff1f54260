"""The simulated exchange sends the keys and value types that ccxt's Binance client documents in its own comments.

The samples are read from the installed client at run time, so that a release with another wire format fails here. Every known
difference is listed below with its reason; one more, or one fewer, fails. Of dividends and simple earn the client documents none.
"""

import asyncio
import inspect
import re
from decimal import Decimal
from functools import cache

import ccxt.async_support as ccxt
import pytest

from tests.contracts.binance_desk import desk, plain_binance
from tests.contracts.test_simulated_kraken_samples import documented_type, sent

_FIELD = re.compile(r"""["']?([A-Za-z][\w-]*)["']?\s*:\s*("[^"]*"|'[^']*'|[\w.+-]+|\[|\{)""")

# Where a sample stands: the method whose comment holds it, and the words in that comment between which it stands.
SAMPLES = {
    "account": ("fetch_balance", "# spot\n", "# margin (cross)"),
    "myTrades": ("parse_trade", "# private trades", "# futures trades"),
    "capital/deposit/hisrec": ("parse_transaction", "# fetchDeposits", "# fetchWithdrawals"),
    "capital/withdraw/history": ("parse_transaction", "# fetchWithdrawals", "# fiat transaction"),
    "asset/dribblet": ("fetch_my_dust_trades", "#     {\n", None),
    "asset/transfer": ("parse_transfer", "# fetchTransfers", '"orderType"'),
    "convert/tradeFlow": ("fetch_convert_trade_history", '"accountType"', None),
    "exchangeInfo": ("fetch_markets", "# spot / margin", "# cross & isolated pairs"),
    "ticker/price": ("fetch_last_prices", '"symbol": "LTCBTC"', '"ps"'),
}
_NEWER = "the exchange's published reference has it, the client's sample is older"
_NOT_ALL = "of a market's filters, ticks and lots are enough here"
EXPECTED: dict[str, dict[str, str]] = {
    "account": {
        f"not in the sample: {key}": _NEWER
        for key in (
            "brokered",
            "buyer",
            "commissionRates",
            "maker",
            "permissions",
            "preventSor",
            "requireSelfTradePrevention",
            "seller",
            "taker",
            "uid",
        )
    },
    "myTrades": {f"not in the sample: {key}": _NEWER for key in ("orderListId", "quoteQty")},
    "capital/deposit/hisrec": {f"not in the sample: {key}": _NEWER for key in ("completeTime", "id", "walletType")},
    "capital/withdraw/history": {f"not in the sample: {key}": _NEWER for key in ("completeTime", "walletType")},
    "exchangeInfo": {
        "not in the sample: quoteAssetPrecision": _NEWER,
        **{
            f"not sent: {key}": _NOT_ALL
            for key in (
                "applyToMarket",
                "avgPriceMins",
                "maxNumAlgoOrders",
                "maxNumOrders",
                "minNotional",
                "multiplierDown",
                "multiplierUp",
            )
        },
    },
    "ticker/price": {"not sent: time": "the published reference has it for derivatives only"},
}


@cache
def documented(name: str) -> dict[str, str]:
    """The sample's keys, nested ones included, with the type of each value."""
    method, first, last = SAMPLES[name]
    source = inspect.getsource(getattr(ccxt.binance, method))
    comment = "\n".join(line.strip() for line in source.splitlines() if line.strip().startswith("#")) + "\n"
    assert first in comment, f"{method} documents no {name} any more"
    sample = comment.partition(first)[2]
    if last is not None:
        assert last in sample, f"{method} documents {name} differently"
        sample = sample.partition(last)[0]
    fields = {key: documented_type(value) for key, value in _FIELD.findall(sample)}
    assert fields, f"nothing was read of the sample of {name}"
    return fields


def keys_of(value: object) -> dict[str, str]:
    """As `sent`, but rows in lists are looked into as well."""
    if isinstance(value, list):
        return {key: kind for one in value for key, kind in keys_of(one).items()}
    if not isinstance(value, dict):
        return {}
    return sent(value) | {key: kind for one in value.values() for key, kind in keys_of(one).items()}


def differences(name: str, answer: object) -> set[str]:
    """In words: keys that one side lacks, and types that differ."""
    sample, actual = documented(name), keys_of(answer)
    return (
        {f"not sent: {key}" for key in sample.keys() - actual.keys()}
        | {f"not in the sample: {key}" for key in actual.keys() - sample.keys()}
        | {
            f"{key}: {sample[key]} in the sample, {actual[key]} sent"
            for key in sample.keys() & actual.keys()
            if sample[key] != actual[key]
        }
    )


@cache
def answers() -> dict[str, object]:
    """One answer of each kind, as it came over the wire."""
    return asyncio.run(_ask_for_everything())


async def _ask_for_everything() -> dict[str, object]:
    async with desk() as one, plain_binance(one.binance) as client:
        one.fund(BTC="3", USDT="1000", SOL="2")
        account = one.binance.account
        account.withdraw("BTC", Decimal("0.1"), fee=Decimal("0.0005"))
        account.convert("USDT", Decimal(20), "BNB", Decimal("0.03"))
        account.sweep_dust({"SOL": Decimal("0.5")})
        account.move_wallet("MAIN_FUNDING", "USDT", Decimal(25))
        one.binance.market.submit(account, "BTCUSDT", "sell", Decimal("0.1"))
        now_ms = one.now_at // 1000
        (trade,) = await client.privateGetMyTrades({"symbol": "BTCUSDT"})
        (transfer,) = (await client.sapiGetAssetTransfer({"type": "MAIN_FUNDING"}))["rows"]
        return {
            "account": await client.privateGetAccount({}),
            "myTrades": trade,
            "capital/deposit/hisrec": (await client.sapiGetCapitalDepositHisrec({}))[0],
            "capital/withdraw/history": (await client.sapiGetCapitalWithdrawHistory({}))[0],
            "asset/dribblet": await client.sapiGetAssetDribblet({}),
            "asset/transfer": transfer,
            "convert/tradeFlow": await client.sapiGetConvertTradeFlow({"startTime": 0, "endTime": now_ms}),
            "exchangeInfo": await client.publicGetExchangeInfo({}),
            "ticker/price": (await client.publicGetTickerPrice({}))[0],
        }


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_sent_is_what_is_documented(name: str) -> None:
    """Keys and value types agree with the client's sample but for the listed differences."""
    assert differences(name, answers()[name]) == set(EXPECTED.get(name, {}))


def test_the_comparison_sees_a_difference() -> None:
    """A missing key, an additional key and another type are each told."""
    trade = answers()["myTrades"]
    assert isinstance(trade, dict)
    row = {**trade, "qty": 1.5, "surprise": "x"}
    del row["orderId"]
    assert differences("myTrades", row) - set(EXPECTED["myTrades"]) == {
        "qty: string in the sample, number sent",
        "not in the sample: surprise",
        "not sent: orderId",
    }
