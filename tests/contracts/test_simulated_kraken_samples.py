"""The simulated exchange sends the keys and value types that ccxt's Kraken client documents in its own comments.

The samples are read from the installed client at run time, so that a release with another wire format fails here. Every known difference
is listed below with its reason; one more, or one fewer, fails.
"""

import asyncio
import importlib.util
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path

import ccxt.async_support as ccxt
import pytest

from reconcile_actors.simulation import SimulatedKraken

D = Decimal

# A key and the beginning of its value; keys may be bare or quoted either way, and a sample may lack a comma.
_FIELD = re.compile(r"""["']?([A-Za-z][\w-]*)["']?\s*:\s*("[^"]*"|'[^']*'|[\w.+-]+|\[|\{)""")

# What a sample is: the method whose comment holds it, and the words in that comment between which it stands.
SAMPLES = {
    "Time": ("fetch_time", "result", None),
    "SystemStatus": ("fetch_status", "result", None),
    "Assets": ("fetch_currencies", '"XXBT"', '"XETH"'),
    "AssetPairs": ("fetch_markets", '"ADAETH": {', None),
    "Ticker": ("parse_ticker", "{", None),
    "BalanceEx": ("fetch_balance", '"XXBT": {', None),
    "Ledgers": ("parse_ledger_entry", "'LTFK7F-N2CUX-PNY4SX': {", None),
    "TradesHistory": ("parse_trade", "fetchMyTrades", "watchTrades"),
    "QueryTrades": ("parse_trade", "fetchOrderTrades", "fetchMyTrades"),
    "AddOrder": ("create_order", "result", "it's impossible"),
    "OpenOrders": ("fetch_open_orders", '"O45M52-BFD5S-YXKQOU": {', None),
    "ClosedOrders": ("fetch_closed_orders", '"OETZYO-UL524-QJMXCT":{', '"count"'),
    "QueryOrders": ("fetch_order", '"OTLAS3-RRHUF-NDWH5A":{', None),
    "CancelOrder": ("cancel_order", "result:", None),
    "DepositStatus": ("parse_transaction", "fetchDeposits", "there can be"),
    "WithdrawStatus": ("parse_transaction", "fetchWithdrawals", "# withdraw\n"),
    "Withdraw": ("withdraw", '"result"', None),
    "WalletTransfer": ("transfer", '"result"', None),
}
_NEWER = "the exchange's published reference has it, the client's sample is older"
_STRINGS = "the exchange's published reference shows strings, and strings are what clients meet"
EXPECTED: dict[str, dict[str, str]] = {
    "Assets": {"not sent: margin_rate": "margin trading is not simulated, so no asset has a margin rate"},
    "AssetPairs": {
        "not in the sample: cost_decimals": _NEWER,
        "not in the sample: costmin": _NEWER,
        "not in the sample: tick_size": _NEWER,
        "not in the sample: status": _NEWER + "; without it the client takes a market for closed",
    },
    "BalanceEx": {
        "balance: number in the sample, string sent": _STRINGS,
        "hold_trade: number in the sample, string sent": _STRINGS,
    },
    "Ledgers": {"not in the sample: subtype": _NEWER},
    "QueryTrades": {
        "not sent: id": "the sample shows it as injected from outside: it is the key of the row",
        "not in the sample: leverage": _NEWER + ", as the client's own sample of TradesHistory shows",
        "not in the sample: trade_id": _NEWER + ", as the client's own sample of TradesHistory shows",
        "not in the sample: maker": _NEWER + ", as the client's own sample of TradesHistory shows",
    },
    "CancelOrder": {"count: string in the sample, number sent": "the exchange's published reference shows a number"},
    "WithdrawStatus": {"not sent: status-prop": "the sample says itself that it might not be present"},
}


@cache
def documented(name: str) -> dict[str, str]:
    """The sample's keys, nested ones included, with the type of each value."""
    method, first, last = SAMPLES[name]
    package = importlib.util.find_spec("ccxt")
    assert package is not None
    assert package.origin is not None
    source = (Path(package.origin).parent / "async_support" / "kraken.py").read_text(encoding="utf-8")
    match = re.search(rf"    (?:async )?def {method}\(.*?(?=\n    (?:async )?def |\Z)", source, re.DOTALL)
    assert match is not None
    comment = "\n".join(line.strip() for line in match.group().splitlines() if line.strip().startswith("#")) + "\n"
    assert first in comment, f"{method} documents no {name} any more"
    sample = comment.partition(first)[2]
    if last is not None:
        assert last in sample, f"{method} documents {name} differently"
        sample = sample.partition(last)[0]
    fields = {key: documented_type(value) for key, value in _FIELD.findall(re.sub(r"\s//.*", "", sample))}
    assert fields, f"nothing was read of the sample of {name}"
    return fields


def documented_type(value: str) -> str:
    if value[0] in "\"'":
        return "string"
    known = {"[": "list", "{": "object", "null": "null", "true": "boolean", "false": "boolean"}
    return known.get(value, "number")


def sent(row: object) -> dict[str, str]:
    """The keys of what was sent, nested ones included, with the type of each value."""
    assert isinstance(row, Mapping)
    types: dict[str, str] = {}
    for key, value in row.items():
        types[key] = sent_type(value)
        if isinstance(value, Mapping):
            types |= sent(value)
    return types


def sent_type(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "list"
        case _:
            return "object"


def differences(name: str, row: object) -> set[str]:
    """In words: keys that one side lacks, and types that differ."""
    sample, actual = documented(name), sent(row)
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
    """One row of each kind, as it came over the wire."""
    return asyncio.run(_ask_for_everything())


async def _ask_for_everything() -> dict[str, object]:
    async with SimulatedKraken(seed=1, tier=None) as kraken:
        account = kraken.account
        for asset, amount in (("ZUSD", D(100_000)), ("XXBT", D(3))):
            account.deposit(asset, amount)
        client = ccxt.kraken({"apiKey": kraken.keys.api_key, "secret": kraken.keys.secret, "enableRateLimit": False})
        client.urls["api"] = dict.fromkeys(("public", "private"), f"{kraken.base_url}/api.kraken.com")
        try:
            return await _rows(client)
        finally:
            await client.close()


async def _rows(client: ccxt.kraken) -> dict[str, object]:
    async def ask(name: str, **parameters: object) -> object:
        scope = "publicGet" if name in {"Time", "SystemStatus", "Assets", "AssetPairs", "Ticker"} else "privatePost"
        return (await getattr(client, scope + name)(parameters))["result"]

    limit = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "50000", "volume": "0.01"}
    rows: dict[str, object] = {name: await ask(name) for name in ("Time", "SystemStatus")}
    rows["Assets"] = (await ask("Assets"))["XXBT"]
    rows["AssetPairs"] = (await ask("AssetPairs"))["XXBTZUSD"]
    rows["Ticker"] = (await ask("Ticker"))["XXBTZUSD"]
    rows["BalanceEx"] = (await ask("BalanceEx"))["XXBT"]
    rows["AddOrder"] = await ask("AddOrder", **limit, cl_ord_id="1234")
    rows["OpenOrders"] = only((await ask("OpenOrders"))["open"])
    rows["CancelOrder"] = await ask("CancelOrder", cl_ord_id="1234")
    (canceled,) = (await ask("AddOrder", **limit))["txid"]
    await ask("CancelOrder", txid=canceled)
    rows["ClosedOrders"] = (await ask("ClosedOrders"))["closed"][canceled]
    (traded,) = (await ask("AddOrder", pair="XBTUSD", type="sell", ordertype="market", volume="1"))["txid"]
    rows["QueryOrders"] = (await ask("QueryOrders", txid=traded, trades="true"))[traded]
    trades = (await ask("TradesHistory"))["trades"]
    rows["TradesHistory"] = only(trades)
    rows["QueryTrades"] = only(await ask("QueryTrades", txid=next(iter(trades))))
    rows["Withdraw"] = await ask("Withdraw", asset="XBT", key="cold", amount="1")
    rows["WalletTransfer"] = await ask(
        "WalletTransfer", **{"from": "Spot Wallet", "to": "Futures Wallet", "asset": "XBT", "amount": "0.1"}
    )
    rows["Ledgers"] = next(iter((await ask("Ledgers"))["ledger"].values()))
    rows["DepositStatus"] = (await ask("DepositStatus"))[0]
    rows["WithdrawStatus"] = (await ask("WithdrawStatus"))[0]
    return rows


def only(rows: dict[str, object]) -> object:
    (row,) = rows.values()
    return row


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_sent_is_what_is_documented(name):
    """Keys and value types agree with the client's sample but for the listed differences."""
    assert differences(name, answers()[name]) == set(EXPECTED.get(name, {}))


def test_the_comparison_sees_a_difference():
    """A missing key, an additional key and another type are each told."""
    row = {**answers()["Ledgers"], "amount": 1.5, "surprise": "x"}
    del row["refid"]
    assert differences("Ledgers", row) - set(EXPECTED["Ledgers"]) == {
        "amount: string in the sample, number sent",
        "not in the sample: surprise",
        "not sent: refid",
    }


def test_samples_are_read_whole():
    """The reader of comments finds the fields of a sample with every quirk: nested, unquoted, and lacking commas."""
    assert documented("OpenOrders")["leverage"] == "string"
    assert documented("OpenOrders")["descr"] == "object"
    assert documented("TradesHistory")["maker"] == "boolean"
    assert documented("Time") == {"unixtime": "number", "rfc1123": "string"}
    assert documented("Ledgers")["time"] == "number"
