"""Rows of Binance's lists as movements, and what of a row is refused."""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeAlias

import pytest

from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.exchanges.binance.entries import Entry, Reader
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass

Raw: TypeAlias = dict[str, object]
READER = Reader("main")
TRADE: Raw = {
    "symbol": "BNBBTC",
    "id": 28457,
    "orderId": 100234,
    "price": "4.00000100",
    "qty": "12.00000000",
    "quoteQty": "48.000012",
    "commission": "10.10000000",
    "commissionAsset": "BNB",
    "time": 1499865549590,
    "isBuyer": True,
    "isMaker": False,
}
DEPOSIT: Raw = {"id": "7698", "amount": "0.5", "coin": "BCH", "status": 1, "txId": "bafc", "insertTime": 1610784980000}
WITHDRAWAL: Raw = {
    "id": "69e53ad3",
    "amount": "28.75",
    "transactionFee": "0.25",
    "coin": "XRP",
    "status": 6,
    "applyTime": "2021-04-15 12:09:16",
}
DIVIDEND: Raw = {"id": 1, "amount": "0.1", "asset": "BTC", "divTime": 1563189166000, "tranId": 2968885920}
CONVERSION: Raw = {
    "orderId": 940708407462087195,
    "orderStatus": "SUCCESS",
    "fromAsset": "USDT",
    "fromAmount": "20",
    "toAsset": "BNB",
    "toAmount": "0.06154036",
    "createTime": 1624248872184,
}
SUBSCRIPTION: Raw = {
    "amount": "100.0",
    "asset": "BTC",
    "time": 1575018510000,
    "purchaseId": 26055,
    "sourceAccount": "SPOT",
    "amtFromSpot": "30",
    "status": "SUCCESS",
}
REDEMPTION: Raw = {
    "amount": "10.5",
    "asset": "BTC",
    "time": 1577257222000,
    "redeemId": 40607,
    "destAccount": "SPOT",
    "status": "PAID",
}
TRANSFER: Raw = {
    "timestamp": 1614640878000,
    "asset": "USDT",
    "amount": "25",
    "type": "MAIN_UMFUTURE",
    "status": "CONFIRMED",
    "tranId": 43000126248,
}
SWEEP: Raw = {
    "operateTime": "1627575731000",
    "transId": "70899815863",
    "userAssetDribbletDetails": [
        {
            "fromAsset": "LTC",
            "amount": "0.000006",
            "transferedAmount": "0.00000267",
            "serviceChargeAmount": "0.00000005",
        },
        {"fromAsset": "GBP", "amount": "0.15949157", "transferedAmount": "0.00072426"},
    ],
}


def fills(row: Raw) -> list[Entry]:
    return READER.fills([row], "BNBBTC", "BNB/BTC")


def deposits(row: Raw) -> list[Entry]:
    return READER.deposits([row])


def withdrawals(row: Raw) -> list[Entry]:
    return READER.withdrawals([row])


def dividends(*rows: Raw) -> list[Entry]:
    return READER.dividends({"rows": list(rows), "total": len(rows)})


def conversions(row: Raw) -> list[Entry]:
    return READER.conversions({"list": [row]})


def sweeps(row: Raw) -> list[Entry]:
    return READER.sweeps({"userAssetDribblets": [row]})


def flexible(row: Raw) -> list[Entry]:
    return READER.subscriptions({"rows": [row]}, flexible=True)


def locked(row: Raw) -> list[Entry]:
    return READER.subscriptions({"rows": [row]}, flexible=False)


def redeemed(row: Raw) -> list[Entry]:
    return READER.redemptions({"rows": [row]}, flexible=True)


def unlocked(row: Raw) -> list[Entry]:
    return READER.redemptions({"rows": [row]}, flexible=False)


def transfers(row: Raw) -> list[Entry]:
    return READER.transfers({"rows": [row], "total": 1}, "MAIN_UMFUTURE")


READERS: dict[str, tuple[Callable[[Raw], list[Entry]], Raw]] = {
    "fills": (fills, TRADE),
    "deposits": (deposits, DEPOSIT),
    "withdrawals": (withdrawals, WITHDRAWAL),
    "dividends": (dividends, DIVIDEND),
    "conversions": (conversions, CONVERSION),
    "sweeps": (sweeps, SWEEP),
    "flexible": (flexible, SUBSCRIPTION),
    "locked": (locked, SUBSCRIPTION),
    "redeemed": (redeemed, REDEMPTION),
    "unlocked": (unlocked, REDEMPTION),
    "transfers": (transfers, TRANSFER),
}


def moved(*entries: Entry) -> dict[str, Decimal]:
    return {leg.currency: amount for entry in entries for leg, amount in entry.movement.effects.items()}


def only(entries: list[Entry]) -> Movement:
    [entry] = entries
    return entry.movement


def test_a_fill() -> None:
    """Market, side, order and id are told; the fee leaves in its own currency, and the quote amount is what Binance says."""
    fill = only(fills(TRADE))
    assert (fill.type, fill.id, fill.instrument) == (MovementType.FILL, "28457", "BNB/BTC")
    assert (fill.order_id, fill.side, fill.occurred_at) == ("100234", "buy", 1499865549590_000)
    assert moved(*fills(TRADE)) == {"BNB": Decimal("1.9"), "BTC": Decimal("-48.000012")}
    assert only(fills({**TRADE, "isBuyer": False})).side == "sell"
    rebate = fills({**TRADE, "commission": "-1", "commissionAsset": "USDT"})
    assert moved(*rebate)["USDT"] == 1


@pytest.mark.parametrize(("status", "pending"), [(0, True), (1, False), (6, False), (8, True), (2, None), (7, None)])
def test_deposits(status: int, pending: bool | None) -> None:
    """Credited, on its way, or never: each status says which."""
    got = deposits({**DEPOSIT, "status": status})
    assert [entry.movement.pending for entry in got] == ([] if pending is None else [pending])


def test_a_deposit_counts_when_it_is_credited() -> None:
    """Its list is asked for by when it was first seen; an old one without an id goes by its transaction."""
    [entry] = deposits({**DEPOSIT, "completeTime": 1610784990000})
    assert (entry.listed_at, entry.movement.occurred_at) == (1610784980000_000, 1610784990000_000)
    old = {name: value for name, value in DEPOSIT.items() if name != "id"}
    assert only(deposits(old)).id == "bafc"


@pytest.mark.parametrize("read", [deposits, withdrawals])
def test_what_reaches_the_funding_wallet_is_no_spot_movement(read: Callable[[Raw], list[Entry]]) -> None:
    """Rows name their wallet; those of another move nothing here."""
    row = DEPOSIT if read is deposits else WITHDRAWAL
    assert read({**row, "walletType": 1}) == []
    assert len(read({**row, "walletType": 0})) == 1


@pytest.mark.parametrize(
    ("status", "pending"), [(0, True), (2, True), (4, True), (6, False), (1, None), (3, None), (5, None)]
)
def test_withdrawals(status: int, pending: bool | None) -> None:
    """Amount and fee leave when the withdrawal is asked for; what failed moved nothing."""
    got = withdrawals({**WITHDRAWAL, "status": status})
    assert [entry.movement.pending for entry in got] == ([] if pending is None else [pending])
    if got:
        assert moved(*got) == {"XRP": Decimal(-29)}
        assert got[0].movement.occurred_at == 1618488556_000_000


def test_dividends_of_one_transaction_are_one() -> None:
    """Two credits of a currency under one number add up; a currency of its own is another."""
    got = dividends(DIVIDEND, {**DIVIDEND, "amount": "0.2", "id": 2}, {**DIVIDEND, "asset": "ETH"})
    assert [(one.movement.instrument, moved(one)) for one in got] == [
        ("BTC", {"BTC": Decimal("0.3")}),
        ("ETH", {"ETH": Decimal("0.1")}),
    ]
    assert moved(*dividends({**DIVIDEND, "direction": -1})) == {"BTC": Decimal("-0.1")}
    assert {entry.movement.type for entry in got} == {MovementType.REWARD}


def test_conversions_and_sweeps_are_fills_of_currencies() -> None:
    """What was given and what was received are one event; a sweep's charge has been taken already."""
    assert moved(*conversions(CONVERSION)) == {"USDT": Decimal(-20), "BNB": Decimal("0.06154036")}
    assert moved(*sweeps(SWEEP)) == {
        "LTC": Decimal("-0.000006"),
        "GBP": Decimal("-0.15949157"),
        "BNB": Decimal("0.00072693"),
    }
    assert {only(conversions(CONVERSION)).instrument, only(sweeps(SWEEP)).instrument} == {None}
    assert only(conversions({**CONVERSION, "orderStatus": "PROCESS"})).pending
    assert conversions({**CONVERSION, "orderStatus": "FAIL"}) == []


def test_simple_earn() -> None:
    """Out of spot goes what came from spot; into the earning currency goes all, and locked products have none."""
    assert moved(*flexible(SUBSCRIPTION)) == {"BTC": Decimal(-30), "LDBTC": Decimal(100)}
    assert moved(*locked(SUBSCRIPTION)) == {"BTC": Decimal(-30)}
    older = {name: value for name, value in SUBSCRIPTION.items() if name not in {"amtFromSpot", "sourceAccount"}}
    assert moved(*locked(older)) == {"BTC": Decimal(-100)}
    assert moved(*locked({**SUBSCRIPTION, "sourceAccount": "FUNDING", "amtFromSpot": None})) == {}
    assert only(flexible({**SUBSCRIPTION, "status": "PURCHASING"})).pending
    assert (only(flexible(SUBSCRIPTION)).type, only(locked(SUBSCRIPTION)).type) == (
        MovementType.FILL,
        MovementType.TRANSFER,
    )
    assert flexible({**SUBSCRIPTION, "status": "FAILED"}) == []


@pytest.mark.parametrize(
    ("target", "effects"),
    [
        ({"destAccount": "SPOT"}, {"BTC": "10.5", "LDBTC": "-10.5"}),
        ({"destAccount": "FUND"}, {"LDBTC": "-10.5"}),
        ({"destAccount": None}, {"BTC": "10.5", "LDBTC": "-10.5"}),
    ],
)
def test_redemptions(target: Raw, effects: dict[str, str]) -> None:
    """Out of the earning currency, and back into spot where that is where it goes."""
    assert moved(*redeemed({**REDEMPTION, **target})) == {code: Decimal(text) for code, text in effects.items()}
    assert redeemed({**REDEMPTION, "status": "FAILED"}) == []


def test_a_locked_product_may_end_in_a_flexible_one() -> None:
    """Then spot shows it as what earns."""
    assert moved(*unlocked({**REDEMPTION, "redeemTo": "FLEXIBLE"})) == {"LDBTC": Decimal("10.5")}


def test_transfers() -> None:
    """A type says the direction; an answer without rows is one where the total says so."""
    assert moved(*transfers(TRANSFER)) == {"USDT": Decimal(-25)}
    into = READER.transfers({"rows": [{**TRANSFER, "type": "UMFUTURE_MAIN"}], "total": 1}, "UMFUTURE_MAIN")
    assert moved(*into) == {"USDT": Decimal(25)}
    assert transfers({**TRANSFER, "status": "FAILED"}) == []
    assert READER.transfers({"total": 0}, "MAIN_UMFUTURE") == []


WRONG: list[tuple[str, Raw]] = [
    ("fills", {"symbol": "ETHBTC"}),
    ("fills", {"id": None}),
    ("fills", {"id": True}),
    ("fills", {"orderId": "1 2"}),
    ("fills", {"qty": None}),
    ("fills", {"qty": "-1"}),
    ("fills", {"price": "NaN"}),
    ("fills", {"quoteQty": 1.5}),
    ("fills", {"commission": ""}),
    ("fills", {"commissionAsset": None}),
    ("fills", {"commissionAsset": "B/B"}),
    ("fills", {"time": 0}),
    ("fills", {"time": "yesterday"}),
    ("fills", {"time": 10**14}),
    ("fills", {"time": None}),
    ("fills", {"isBuyer": "true"}),
    ("deposits", {"status": 3}),
    ("deposits", {"status": None}),
    ("deposits", {"insertTime": None}),
    ("withdrawals", {"status": 9}),
    ("withdrawals", {"transactionFee": None}),
    ("withdrawals", {"applyTime": "2021-04-15"}),
    ("dividends", {"direction": 2}),
    ("dividends", {"tranId": None}),
    ("conversions", {"orderStatus": "ODD"}),
    ("conversions", {"toAmount": None}),
    ("sweeps", {"userAssetDribbletDetails": None}),
    ("sweeps", {"operateTime": None}),
    ("flexible", {"status": "ODD"}),
    ("flexible", {"sourceAccount": "ODD"}),
    ("flexible", {"sourceAccount": "SPOTANDFUNDING", "amtFromSpot": None}),
    ("flexible", {"asset": "B" * 23}),
    ("locked", {"amount": None}),
    ("redeemed", {"destAccount": "ODD"}),
    ("redeemed", {"asset": None}),
    ("unlocked", {"redeemId": None}),
    ("transfers", {"type": "MAIN_FUNDING"}),
    ("transfers", {"status": "ODD"}),
]


@pytest.mark.parametrize(("name", "change"), WRONG, ids=lambda value: str(value)[:40])
def test_a_row_that_is_not_understood_is_refused(name: str, change: Raw) -> None:
    """Whole list or nothing: no row is left out because it says something new."""
    read, row = READERS[name]
    read(row)
    with pytest.raises(ExchangeFailureError) as caught:
        read({**row, **change})
    assert caught.value.failure is FailureClass.BAD_DATA


@pytest.mark.parametrize("content", [None, {}, {"rows": None}, {"rows": [1]}, {"rows": {}}, []])
def test_an_answer_without_its_rows_is_refused(content: object) -> None:
    """A list that is not where it should be is no empty list."""
    with pytest.raises(ExchangeFailureError):
        READER.dividends(content)
