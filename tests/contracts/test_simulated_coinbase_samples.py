"""The simulated Coinbase sends the keys and value types that ccxt's Coinbase client documents in its own comments.

The samples are read from the installed client at run time, so that a release with another wire format fails here. Every known
difference is listed below with its reason; one more, or one fewer, fails.
"""

import asyncio
import importlib.util
import re
from decimal import Decimal
from functools import cache
from pathlib import Path

import ccxt.async_support as ccxt
import pytest

from reconcile_actors.exchanges.transport import redirected
from reconcile_actors.simulation.coinbase import SimulatedCoinbase
from tests.contracts.test_simulated_kraken_samples import documented_type, sent

D = Decimal
_FIELD = re.compile(r"""["']?([A-Za-z][\w-]*)["']?\s*:\s*("[^"]*"|'[^']*'|[\w.+-]+|\[|\{)""")

# What a sample is: the method whose comment holds it, and the words in that comment between which it stands.
SAMPLES = {
    "time": ("fetch_time", '"iso": "2020-05-12T15:01:19Z"', None),
    "accounts": ("fetch_accounts_v3", '"accounts"', None),
    "fills": ("fetch_my_trades", '"fills"', None),
    "products": ("parse_spot_market", "{", None),
    "send in": ("parse_ledger_entry", "crypto deposit transaction", "crypto withdrawal transaction"),
    "send out": (
        "parse_ledger_entry",
        "crypto withdrawal transaction",
        "withdrawal transaction from coinbase to coinbasepro",
    ),
    "fiat_deposit": ("parse_ledger_entry", "fiat deposit transaction", "fiat withdrawal transaction"),
    "fiat_withdrawal": ("parse_ledger_entry", "fiat withdrawal transaction", None),
    "pagination": ("fetch_accounts_v2", '"pagination"', '"data"'),
}
_OWN_OBJECT = "a pointer to the same event under another address, of which nothing is read"
EXPECTED: dict[str, dict[str, str]] = {
    "accounts": {"not in the sample: accounts": "the sample is cut from inside the list"},
    "send out": {
        "not sent: idem": _OWN_OBJECT,
        "not sent: application": _OWN_OBJECT,
        "not sent: address_info": _OWN_OBJECT,
    },
}


@cache
def documented(name: str) -> dict[str, str]:
    """The sample's keys, nested ones included, with the type of each value."""
    method, first, last = SAMPLES[name]
    package = importlib.util.find_spec("ccxt")
    assert package is not None
    assert package.origin is not None
    source = (Path(package.origin).parent / "async_support" / "coinbase.py").read_text(encoding="utf-8")
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
    async with SimulatedCoinbase(seed=1) as coinbase:
        account = coinbase.account
        for asset, amount in (("USD", D(100_000)), ("BTC", D(3))):
            account.deposit(asset, amount)
        account.withdraw("BTC", D(1), fee=D("0.1"))
        account.withdraw("USD", D(5))
        coinbase.market.submit(account, "BTC-USD", "buy", D("0.01"))
        client = ccxt.coinbase(
            {"apiKey": coinbase.keys.api_key, "secret": coinbase.keys.secret, "enableRateLimit": False}
        )
        fetch = client.fetch

        async def fetch_here(url: str, *rest: object, **options: object) -> object:
            return await fetch(redirected(url, coinbase.base_url), *rest, **options)

        client.fetch = fetch_here
        try:
            return await _rows(client)
        finally:
            await client.close()


async def _rows(client: ccxt.coinbase) -> dict[str, object]:
    page = await client.v3PrivateGetBrokerageAccounts({"limit": 250})
    rows: dict[str, object] = {"time": await client.v3PublicGetBrokerageTime()}
    rows["accounts"] = {**page, **page["accounts"][0]}
    fills = await client.v3PrivateGetBrokerageOrdersHistoricalFills()
    rows["fills"] = {**fills["fills"][0], "cursor": fills["cursor"]}
    rows["products"] = (await client.v3PublicGetBrokerageMarketProducts({"product_ids": ["ETH-USD"]}))["products"][0]
    for account in page["accounts"]:
        listed = await client.v2PrivateGetAccountsAccountIdTransactions({"account_id": account["uuid"]})
        rows["pagination"] = listed["pagination"]
        for row in listed["data"]:
            way = " out" if row["amount"]["amount"].startswith("-") else " in"
            rows[row["type"] + (way if row["type"] == "send" else "")] = row
    return rows


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_sent_is_what_is_documented(name):
    """Keys and value types agree with the client's sample but for the listed differences."""
    assert differences(name, answers()[name]) == set(EXPECTED.get(name, {}))


def test_the_comparison_sees_a_difference():
    """A missing key, an additional key and another type are each told."""
    row = {**answers()["fills"], "size": 1.5, "surprise": "x"}
    del row["side"]
    assert differences("fills", row) - set(EXPECTED.get("fills", {})) == {
        "size: string in the sample, number sent",
        "not in the sample: surprise",
        "not sent: side",
    }
