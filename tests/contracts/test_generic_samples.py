"""What exchanges really send, through ccxt and the generic gate: the exact amounts or nothing, whatever is missing."""

import asyncio
import json
import re
from collections.abc import Iterator

import ccxt.async_support
import pytest

from reconcile_actors.domain.snapshot import Snapshot, UnknownReason
from tests.contracts.documented_samples import samples_of
from tests.contracts.generic_desk import GARBAGE, Desk, desk, totals

# The bytes as they come, and the totals in them; the forms are those that ccxt documents for each exchange.
WIRE: dict[str, tuple[str, dict[str, str]]] = {
    "bitstamp": (
        (
            '[{"currency": "usdt", "total": "7.00000", "available": "6.50000", "reserved": "0.50000"},'
            ' {"currency": "btc", "total": "0.123456789012345678", "available": "0.123456789012345678", "reserved": "0"}]'
        ),
        {"USDT": "7.00000", "BTC": "0.123456789012345678"},
    ),
    "bitvavo": (
        '[{"symbol": "BTC", "available": "1.57593193", "inOrder": "0.74832374"}]',
        {"BTC": "2.32425567"},
    ),
    "bitso": (
        (
            '{"success": true, "payload": {"balances": [{"currency": "bat", "available": "1.00000001", "locked": "2.0",'
            ' "total": "3.00000001", "pending_deposit": "0.00000000", "pending_withdrawal": "0.00000000"}]}}'
        ),
        {"BAT": "3.00000001"},
    ),
    "bitflyer": (  # JSON numbers: more digits than a float has
        (
            '[{"currency_code": "JPY", "amount": 1024078, "available": 508000},'
            ' {"currency_code": "BTC", "amount": 10.123456789012345678901, "available": 4.12}]'
        ),
        {"JPY": "1024078", "BTC": "10.123456789012345678901"},
    ),
    "backpack": (
        '{"USDC": {"available": "120", "locked": "1.5", "staked": "0"}, "SOL": {"available": "0", "locked": "2", "staked": "0"}}',
        {"USDC": "121.5", "SOL": "2"},
    ),
    "bybit": (
        (
            '{"retCode": 0, "retMsg": "success", "result": {"memberId": "533285", "accountType": "FUND", "balance": [{"coin": "USDT",'
            ' "transferBalance": "1010", "walletBalance": "1011", "bonus": ""}]}, "retExtInfo": {}, "time": 1675865290069}'
        ),
        {"USDT": "1011"},
    ),
    "kucoin": (
        (
            '{"code": "200000", "data": [{"balance": "0.00009788", "available": "0.00009700", "holds": "0.00000088",'
            ' "currency": "BTC", "id": "5c6a4fd399a1d81c4f9cc4d0", "type": "trade"}]}'
        ),
        {"BTC": "0.00009788"},
    ),
    "okx": (
        (
            '{"code": "0", "data": [{"adjEq": "", "details": [{"availBal": "0.049", "availEq": "", "cashBal": "0.049", "ccy": "BTC",'
            ' "eq": "0.05", "frozenBal": "0.001", "liab": "", "uTime": "1621973128591", "upl": ""}], "totalEq": "1918.55678"}],'
            ' "msg": ""}'
        ),
        {"BTC": "0.05"},
    ),
    "p2b": (
        (
            '{"success": true, "errorCode": "", "message": "", "result": {"USDT": {"available": "71.81328046", "freeze": "10.46103091"},'
            ' "BTC": {"available": "0.00135674", "freeze": "0.00020003"}}}'
        ),
        {"USDT": "82.27431137", "BTC": "0.00155677"},
    ),
    "whitebit": (
        '{"BTC": {"available": "0.123", "freeze": "1"}, "XMR": {"available": "3013", "freeze": "100"}}',
        {"BTC": "1.123", "XMR": "3113"},
    ),
    "xt": (
        (
            '{"rc": 0, "mc": "SUCCESS", "ma": [], "result": {"totalUsdtAmount": "31.75931133", "totalBtcAmount": "0.00115951", "assets":'
            ' [{"currency": "usdt", "currencyId": 11, "frozenAmount": "0.03834082", "availableAmount": "31.70995965", "totalAmount":'
            ' "31.74830047", "convertBtcAmount": "0.00115911", "convertUsdtAmount": "31.74830047"}]}}'
        ),
        {"USDT": "31.74830047"},
    ),
    "foxbit": (
        '{"data": [{"currency_symbol": "btc", "balance": "10000.0", "balance_available": "9000.0", "balance_locked": "1000.0"}]}',
        {"BTC": "10000.0"},
    ),
    "indodax": (
        (
            '{"success": 1, "return": {"server_time": 1619562628, "balance": {"idr": 167, "btc": "0.50000000", "1inch": "0.00000000"},'
            ' "balance_hold": {"idr": 3, "btc": "0.25000000", "1inch": "0.00000000"}, "address": {"btc": "1KMntgzvU7iTSgMB"}}}'
        ),
        {"IDR": "170", "BTC": "0.75000000", "1INCH": "0.00000000"},
    ),
    "onetrading": (
        (
            '{"account_id": "4b95934f", "balances": [{"account_id": "4b95934f", "currency_code": "BTC", "change": "10.0", "available":'
            ' "10.0", "locked": "0.5", "sequence": 142135994, "time": "2020-07-01T10:57:32.959Z"}]}'
        ),
        {"BTC": "10.5"},
    ),
    "coinsph": (
        (
            '{"accountType": "SPOT", "balances": [{"asset": "BTC", "free": "4723846.89208129", "locked": "0.00000001"},'
            ' {"asset": "LTC", "free": "0.00000000", "locked": "0.00000000"}], "canDeposit": true, "updateTime": "1677430932528"}'
        ),
        {"BTC": "4723846.89208130", "LTC": "0.00000000"},
    ),
}
Place = tuple[str | int, ...]


def scalars(node: object, place: Place = ()) -> Iterator[Place]:
    """Where the numbers and texts of an answer stand."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    if not isinstance(node, dict | list):
        yield place
    for key, child in items:
        yield from scalars(child, (*place, key))


def without(content: object, place: Place, *, null: bool) -> str:
    """The answer with a null at one place, or without that place."""
    copy = json.loads(json.dumps(content))
    node = copy
    for key in place[:-1]:
        node = node[key]
    if null:
        node[place[-1]] = None
    else:
        del node[place[-1]]
    return json.dumps(copy)


@pytest.mark.parametrize("exchange_id", WIRE)
def test_the_amounts_are_those_of_the_wire(exchange_id: str) -> None:
    """Each currency's total, digit by digit, as the exchange wrote it or as its own legs add up to it."""
    text, expected = WIRE[exchange_id]

    async def main() -> object:
        async with desk() as one:
            gateway = await one.gateway(exchange_id)
            one.say.text = text
            return await one.read(gateway)

    assert totals(asyncio.run(main())) == expected


@pytest.mark.parametrize("exchange_id", WIRE)
def test_what_is_missing_is_never_zero(exchange_id: str) -> None:
    """With any single value null or gone, the totals are the same as before or the account is unknown; seen before or not."""
    text, expected = WIRE[exchange_id]
    content = json.loads(text, parse_float=str)

    async def main() -> list[str]:
        wrong = []
        async with desk() as one:
            for place in scalars(content):
                for null in (True, False):
                    new, old = await one.gateway(exchange_id), await one.gateway(exchange_id)
                    one.say.text = text
                    await one.read(old)
                    one.say.text = without(content, place, null=null)
                    for gateway in (new, old):
                        got = await one.read(gateway)
                        if isinstance(got, Snapshot) and totals(got) != _allowed(
                            expected, got, whole=null or gateway is old
                        ):
                            wrong.append(f"{place} {'null' if null else 'gone'}: {totals(got)}")
        return wrong

    assert asyncio.run(main()) == []


def _allowed(expected: dict[str, str], got: Snapshot, *, whole: bool) -> dict[str, str]:
    """A row that is gone with its currency's name can only be missed by who has seen it before."""
    return {code: total for code, total in expected.items() if whole or code in totals(got)}


def test_no_null_in_any_documented_answer_becomes_zero() -> None:
    """Over every exchange whose documented sample is understood: a null instead of any value changes no total."""

    async def main() -> tuple[int, list[str]]:
        understood, wrong = 0, []
        async with desk() as one:
            for name in ccxt.async_support.exchanges:
                for sample in samples_of(name)[:2]:
                    found, problems = await _try_nulls(one, name, sample)
                    understood += found
                    wrong += problems
        return understood, wrong

    understood, wrong = asyncio.run(main())
    assert wrong == []
    assert understood >= 50


async def _try_nulls(one: Desk, name: str, sample: object) -> tuple[bool, list[str]]:
    gateway = await one.gateway(name)
    one.say.json(sample)
    whole = await one.read(gateway)
    if not isinstance(whole, Snapshot):
        return False, []
    wrong = []
    gateway = await one.gateway(name)
    for place in scalars(sample):
        one.say.text = without(sample, place, null=True)
        got = await one.read(gateway)
        if isinstance(got, Snapshot) and totals(got) != totals(whole):
            wrong.append(f"{name} {place}: {totals(got)}")
    return True, wrong


def test_garbage_after_a_good_answer_is_no_account() -> None:
    """Where the form is known, every kind of garbage, and the good answer cut off anywhere, is unknown all the same."""

    async def main() -> list[str]:
        wrong = []
        async with desk() as one:
            for name, (text, _) in WIRE.items():
                gateway = await one.gateway(name)
                one.say.text = text
                assert isinstance(await one.read(gateway), Snapshot), name
                cut = [text[:length] for length in range(1, len(text), 1 + len(text) // 40)]
                for garbage in (*GARBAGE.values(), *cut):
                    one.say.text = garbage
                    if isinstance(await one.read(gateway), Snapshot):
                        wrong.append(f"{name}: {garbage[-20:]}")
        return wrong

    assert asyncio.run(main()) == []


@pytest.mark.parametrize("exchange_id", WIRE)
def test_amounts_as_numbers_are_amounts_as_text(exchange_id: str) -> None:
    """An exchange may write its amounts as JSON numbers: the same digits come out, through no float."""
    text, expected = WIRE[exchange_id]
    numbers = re.sub(r'"(-?(?:0|[1-9]\d*)\.\d+)"', r"\1", text)

    async def main() -> object:
        async with desk() as one:
            gateway = await one.gateway(exchange_id)
            one.say.text = numbers
            return await one.read(gateway)

    assert totals(asyncio.run(main())) == expected


def test_two_rows_of_one_currency_collide() -> None:
    """bitfinex writes USDT as UST and as USTF0, and ccxt keeps the last: no sum is guessed. Another wallet's row is no second."""
    rows = [["exchange", "BTC", 1.5, 0, 1.5, None, None], ["exchange", "UST", 10, 0, 10, None, None]]
    margin = [*rows, ["margin", "UST", 5, 0, 5, None, None]]
    colliding = [*rows, ["exchange", "USTF0", 20, 0, 20, None, None]]

    async def main() -> list[object]:
        async with desk() as one:
            gateway = await one.gateway("bitfinex")
            outcomes: list[object] = []
            for content in (rows, margin, colliding):
                one.say.json(content)
                outcomes.append(await one.read(gateway))
            return outcomes

    whole, with_another_wallet, twice = asyncio.run(main())
    assert totals(whole) == totals(with_another_wallet) == {"BTC": "1.5", "USDT": "10"}
    assert twice is UnknownReason.CODE_COLLISION
