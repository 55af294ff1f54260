"""What of a Binance account answer is believed, and the reason where it is not."""

from decimal import Decimal

import pytest

from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.exchanges.binance.shape import Account, read_account
from reconcile_actors.exchanges.rows import Place, Rejected, Row, summed

BTC = {"asset": "BTC", "free": "1.50000000", "locked": "0.25000000"}
GOOD: dict[str, object] = {
    "canTrade": True,
    "updateTime": 1575357359602,
    "accountType": "SPOT",
    "balances": [BTC, {"asset": "YOYO", "free": "0.00000000", "locked": "0.00000000"}],
    "permissions": ["SPOT"],
    "uid": 354937868,
}


def rejected(content: object) -> tuple[UnknownReason, str]:
    got = read_account(content)
    assert isinstance(got, Rejected)
    return got


def test_rows_are_read_whole() -> None:
    """Total is free and locked; codes are unified; whose account it is comes with it."""
    got = read_account(GOOD)
    assert isinstance(got, Account)
    assert got.uid == 354937868
    assert {asset: row for asset, (_, row) in got.rows.items()} == {
        "BTC": Row(Place("spot", "BTC"), Decimal("1.75"), Decimal("0.25")),
        "YOYO": Row(Place("spot", "YOYOW"), Decimal(0), Decimal(0)),
    }


def test_equal_rows_are_not_read_again() -> None:
    """A row that stayed as it was is the very same object."""
    first = read_account(GOOD)
    assert isinstance(first, Account)
    second = read_account({**GOOD, "updateTime": 1, "balances": [BTC]}, first.rows)
    assert isinstance(second, Account)
    assert second.rows["BTC"][1] is first.rows["BTC"][1]


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"accountType": "FUTURES"}, "account_type"),
        ({"accountType": None}, "account_type"),
        ({"uid": None}, "no_uid"),
        ({"uid": True}, "no_uid"),
        ({"uid": "354937868"}, "no_uid"),
        ({"uid": -1}, "no_uid"),
        ({"updateTime": None}, "no_update_time"),
        ({"canTrade": "true"}, "no_update_time"),
        ({"balances": None}, "balances_not_a_list"),
        ({"balances": {}}, "balances_not_a_list"),
        ({"balances": ["BTC"]}, "not_an_asset"),
        ({"balances": [{"free": "1", "locked": "0"}]}, "not_an_asset"),
        ({"balances": [{**BTC, "asset": 7}]}, "not_an_asset"),
        ({"balances": [{**BTC, "asset": "B TC"}]}, "not_an_asset"),
        ({"balances": [{"asset": "BTC", "free": "1"}]}, "leg_missing"),
        ({"balances": [{"asset": "BTC", "locked": "1"}]}, "leg_missing"),
        ({"balances": [{**BTC, "free": None}]}, "not_a_number"),
        ({"balances": [{**BTC, "locked": None}]}, "not_a_number"),
        ({"balances": [{**BTC, "free": ""}]}, "not_a_number"),
        ({"balances": [{**BTC, "free": "-1"}]}, "negative_leg"),
        ({"balances": [{**BTC, "locked": "-1"}]}, "negative_leg"),
    ],
)
def test_what_is_not_recognised_is_of_bad_shape(change: dict[str, object], detail: str) -> None:
    """Each missing or wrong part has its own word; a null is never zero."""
    assert rejected({**GOOD, **change}) == (UnknownReason.BAD_SHAPE, detail)


@pytest.mark.parametrize("content", [None, [], "", 5, "{}"])
def test_what_is_no_object_is_of_bad_shape(content: object) -> None:
    """Whatever else came with status 200 is no account."""
    assert rejected(content) == (UnknownReason.BAD_SHAPE, "answer_not_an_object")


def test_an_older_name_that_holds_nothing_is_no_collision() -> None:
    """Both are rows of the account, and one of them is a stated zero."""
    account = read_account({**GOOD, "balances": [BTC, {"asset": "XBT", "free": "0.00000000", "locked": "0"}]})
    assert isinstance(account, Account)
    assert list(account.rows) == ["BTC", "XBT"]
    assert summed(row for _, row in account.rows.values()) == [
        Row(Place("spot", "BTC"), Decimal("1.75"), Decimal("0.25"))
    ]


@pytest.mark.parametrize(
    ("balances", "reason"),
    [
        ([BTC, BTC], UnknownReason.CODE_COLLISION),
        ([BTC, {**BTC, "asset": "XBT"}], UnknownReason.CODE_COLLISION),
        ([{**BTC, "free": "NaN"}], UnknownReason.NOT_FINITE),
        ([{**BTC, "free": "1e30"}], UnknownReason.OUT_OF_RANGE),
        ([{**BTC, "free": f"0.{'1' * 40}"}], UnknownReason.OUT_OF_RANGE),
    ],
)
def test_other_reasons(balances: list[object], reason: UnknownReason) -> None:
    """Two rows for one currency, and numbers that are none, have reasons of their own."""
    assert rejected({**GOOD, "balances": balances})[0] is reason
