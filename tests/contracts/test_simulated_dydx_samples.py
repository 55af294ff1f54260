"""The simulated indexer sends the keys and value types that ccxt's dYdX client documents in its own comments.

The samples are read from the installed client at run time, so that a release with another wire format fails here. The gateway
understands them as well. Of fills, funding payments and heights the client documents none.
"""

import asyncio
import inspect
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache

import ccxt.async_support as ccxt
import pytest

from reconcile_actors.exchanges.decoding import decode
from reconcile_actors.exchanges.dydx.movements import Reader
from reconcile_actors.exchanges.dydx.plausibility import adds_up_by_itself
from reconcile_actors.exchanges.dydx.shape import Subaccount, read_subaccount
from reconcile_actors.simulation.dydx import SimulatedDydx

SAMPLES = {
    "time": "fetch_time",
    "subaccount": "fetch_balance",
    "transfers": "fetch_transactions_helper",
    "perpetualMarkets": "parse_market",
}


@cache
def documented(name: str) -> Mapping[str, object]:
    """The first JSON object in the comments of the method."""
    source = inspect.getsource(getattr(ccxt.dydx, SAMPLES[name]))
    comment = "\n".join(re.findall(r"^\s*#(.*)$", source, flags=re.MULTILINE))
    found = json.JSONDecoder().raw_decode(comment, comment.index("{"))[0]
    assert isinstance(found, dict)
    return found


def types(value: object, path: str = "") -> dict[str, str]:
    """Every key, nested ones included, with the type of its value; what stands under a ticker or asset is alike."""
    if isinstance(value, Mapping):
        found = {path: "object"} if path else {}
        for key, one in value.items():
            name = "*" if re.fullmatch(r"[A-Z0-9]+(-USD)?", key) else key
            found |= types(one, f"{path}.{name}".lstrip("."))
        return found
    if isinstance(value, list):
        found = {path: "list"}
        for one in value:
            found |= types(one, f"{path}[]")
        return found
    kind = {type(None): "null", bool: "boolean", str: "string"}.get(type(value), "number")
    return {path: kind}


def differences(name: str, answer: object) -> set[str]:
    sample, actual = types(documented(name)), types(answer)
    changed = {
        f"{key}: {sample[key]} in the sample, {actual[key]} sent"
        for key in sample.keys() & actual.keys()
        if sample[key] != actual[key] and "null" not in {sample[key], actual[key]}
    }
    return (
        changed
        | {f"not sent: {key}" for key in sample.keys() - actual.keys()}
        | {f"not in the sample: {key}" for key in actual.keys() - sample.keys()}
    )


@cache
def answers() -> dict[str, object]:
    """One answer of each kind, as it came over the wire."""
    return asyncio.run(_ask_for_everything())


async def _ask_for_everything() -> dict[str, object]:
    async with SimulatedDydx(seed=1, requests_a_window=None) as dydx:
        other = dydx.add_account("other").address
        dydx.account.deposit(Decimal(10_000))
        dydx.account.trade("BTC-USD", "sell", Decimal("0.1"))
        dydx.account.trade("BTC-USD", "buy", Decimal("0.05"))
        dydx.account.transfer_out(Decimal("0.000001"), other, 1)
        client = ccxt.dydx({"enableRateLimit": False})
        client.urls["api"]["indexer"] = f"{dydx.base_url}/indexer.dydx.trade/v4"
        own = {"address": dydx.address, "subaccountNumber": 0}
        try:
            markets = await client.indexerGetPerpetualMarkets({})
            return {
                "time": await client.indexerGetTime({}),
                "subaccount": await client.indexerGetAddressesAddressSubaccountNumberSubaccountNumber(own),
                "transfers": await client.indexerGetTransfers({**own, "limit": 1}),
                "perpetualMarkets": markets["markets"]["BTC-USD"],
            }
        finally:
            await client.close()


def test_the_comparison_sees_a_difference() -> None:
    """A missing key, an additional key and another type are each told."""
    row = {**documented("perpetualMarkets"), "oraclePrice": 1.5, "surprise": "x"}
    del row["ticker"]
    assert differences("perpetualMarkets", row) == {
        "oraclePrice: string in the sample, number sent",
        "not in the sample: surprise",
        "not sent: ticker",
    }


def test_the_gateway_understands_the_documented_subaccount() -> None:
    """The client's own sample is a whole subaccount: USDC and two signed positions, which add up to its equity."""
    sample = decode(json.dumps(documented("subaccount")))
    assert isinstance(sample, dict)
    account = read_subaccount(sample, sample["subaccount"]["address"], 0)
    assert isinstance(account, Subaccount)
    assert account.usdc == Decimal("608580.951601")
    assert account.positions == {"ETH-USD": Decimal("0.001"), "BTC-USD": Decimal("-4.1368")}
    assert account.height == 52246761
    assert adds_up_by_itself(account)


def test_the_gateway_understands_the_documented_transfer() -> None:
    """Its size leaves the sender."""
    sample = decode(json.dumps(documented("transfers")))
    assert isinstance(sample, dict)
    [row] = sample["transfers"]
    moved = Reader("main", "perp", row["sender"]["address"], 0).transfer(row)
    assert (moved.id, list(moved.effects.values())) == (row["id"], [Decimal("-0.000001")])


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_sent_is_what_is_documented(name: str) -> None:
    """Keys and value types agree with the client's sample."""
    assert differences(name, answers()[name]) == set()
