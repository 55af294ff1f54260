"""The validity gate: what is believed, and the reason for everything that is not."""

import json
from decimal import Decimal

import pytest

from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.exchanges.decoding import decode
from reconcile_actors.exchanges.kraken.shape import raw_rows, read_rows
from reconcile_actors.exchanges.rows import Place, Rejected, Row, content_of
from tests.unit.exchanges.exchange_fakes import balances, result


def rejected(content: object) -> tuple[UnknownReason, str]:
    read = read_rows(content)
    assert isinstance(read, Rejected)
    return read.reason, read.detail


def one_row(**raw: object) -> dict[str, object]:
    return result({"XXBT": {"balance": "1", "hold_trade": "0", **raw}})


def test_every_row_is_read() -> None:
    """A whole answer gives each asset with its place and both legs, exactly as written."""
    rows = read_rows(balances(XXBT=("1.2435000000", "0.5"), ZUSD=("25.4350", "0"), XBT_F=("2", "0")))
    assert rows == {
        "XXBT": Row(Place("spot", "BTC"), Decimal("1.2435000000"), Decimal("0.5")),
        "ZUSD": Row(Place("spot", "USD"), Decimal("25.4350"), Decimal(0)),
        "XBT.F": Row(Place("flexible", "BTC"), Decimal(2), Decimal(0)),
    }


def test_numbers_are_read_like_text() -> None:
    """JSON numbers, decoded without floats, are amounts as good as strings."""
    rows = read_rows(decode('{"error": [], "result": {"XXBT": {"balance": 1.10, "hold_trade": 0}}}'))
    assert rows == {"XXBT": Row(Place("spot", "BTC"), Decimal("1.10"), Decimal(0))}


def test_an_empty_result_has_no_rows() -> None:
    """Whether an empty account is believed is decided by the gateway; the gate says that there is no row."""
    assert read_rows(result({})) == {}


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        "text",
        {},
        {"result": {}},
        {"error": None, "result": {}},
        {"error": ["E"], "result": {}},
        {"error": []},
        {"error": [], "result": None},
        {"error": [], "result": []},
        result({"XXBT": None}),
        result({"XXBT": []}),
        result({"XXBT": "1"}),
        result({"XXBT": {}}),
        result({"XXBT": {"balance": "1"}}),
        result({"XXBT": {"hold_trade": "0"}}),
        result({"": {"balance": "1", "hold_trade": "0"}}),
        result({"X BT": {"balance": "1", "hold_trade": "0"}}),
        result({".F": {"balance": "1", "hold_trade": "0"}}),
        one_row(balance=None),
        one_row(hold_trade=None),
        one_row(balance=""),
        one_row(balance="1,5"),
        one_row(balance="0x1"),
        one_row(balance=True),
        one_row(balance=1.5),
        one_row(balance=["1"]),
        one_row(hold_trade="-0.1"),
        one_row(hold_trade="1.1"),
    ],
)
def test_what_is_not_recognised_is_bad_shape(content: object) -> None:
    """Anything but the one known form is refused whole."""
    assert rejected(content)[0] is UnknownReason.BAD_SHAPE


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-inf", "sNaN"])
def test_not_finite(text: str) -> None:
    """No amount is infinite or not a number."""
    assert rejected(one_row(balance=text))[0] is UnknownReason.NOT_FINITE
    assert rejected(one_row(hold_trade=text))[0] is UnknownReason.NOT_FINITE


@pytest.mark.parametrize("text", ["1e30", "1" + "0" * 30, "0." + "0" * 39 + "1", "1" * 2000])
def test_out_of_range(text: str) -> None:
    """Amounts that no account holds, and digits that no exchange writes, are refused."""
    assert rejected(one_row(balance=text))[0] is UnknownReason.OUT_OF_RANGE


@pytest.mark.parametrize(
    "content",
    [
        balances(XREP=("1", "0"), REPV2=("1", "0")),
        balances(XXBT=("1", "0"), XBT=("1", "0")),
        balances(XBT_F=("1", "0"), XXBT_F=("1", "0")),
        decode('{"error": [], "result": {"XXBT": 1, "XXBT": 2}}'),
    ],
)
def test_two_rows_for_one_currency_collide(content: object) -> None:
    """Two assets, or one asset twice, for the same wallet and currency: neither is believed."""
    assert rejected(content)[0] is UnknownReason.CODE_COLLISION


def test_an_older_name_that_holds_nothing_is_no_collision() -> None:
    """An asset once held stays listed at zero, also under the name that it had then."""
    rows = read_rows(balances(XREP=("0.0000000000", "0"), REPV2=("4", "1"), XXBT=("0", "0"), XBT=("0", "0")))
    assert not isinstance(rows, Rejected)
    content = content_of(rows.values(), frozenset({"spot"}))
    assert {code: (one.total, one.locked) for (_, code), one in content.balances.items()} == {
        "BTC": (0, 0),
        "REP": (4, 1),
    }


def test_one_currency_in_two_wallets_is_no_collision() -> None:
    """Wallets are kept apart."""
    assert not isinstance(read_rows(balances(XXBT=("1", "0"), XBT_F=("1", "0"), XBT_M=("1", "0"))), Rejected)


def test_hold_above_balance_with_credit() -> None:
    """A credit line lets orders hold more than the balance."""
    assert not isinstance(read_rows(one_row(hold_trade="2", credit="5", credit_used="0")), Rejected)


def test_an_overdrawn_balance_is_believed() -> None:
    """Fees can take a balance below zero; that is no reason to be blind."""
    assert not isinstance(read_rows(one_row(balance="-0.5")), Rejected)


def test_details_hold_nothing_of_the_answer() -> None:
    """No amount and no name of the answer stands in a detail (I7)."""
    for content in (
        one_row(balance="1234.5", hold_trade="9876.5"),
        result({"CANARY !": {}}),
        one_row(balance="CANARY"),
    ):
        _, detail = rejected(content)
        assert detail.replace("_", "").isalpha()
        assert "canary" not in detail.lower()


def test_equal_raw_rows_are_not_parsed_again() -> None:
    """A row that is equal to the one before gives the very same result."""
    content = balances(XXBT=("1", "0"), ZUSD=("2", "0"))
    first = read_rows(content)
    assert not isinstance(first, Rejected)
    seen = {asset: (raw, first[asset]) for asset, raw in raw_rows(content).items()}
    second = read_rows(json.loads(json.dumps(balances(XXBT=("1", "0"), ZUSD=("3", "0")))), seen)
    assert not isinstance(second, Rejected)
    assert second["XXBT"] is first["XXBT"]
    assert second["ZUSD"].total == 3


def test_raw_rows_of_nothing() -> None:
    """An answer that is not believed has no raw rows."""
    assert raw_rows([]) == {}
