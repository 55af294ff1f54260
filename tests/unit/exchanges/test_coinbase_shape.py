"""The gate for Coinbase's balances: what is believed, and the reason why the rest is not."""

from decimal import Decimal

import pytest

from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.exchanges.coinbase.shape import AccountRow, Page, read_page, summed
from reconcile_actors.exchanges.decoding import decode
from reconcile_actors.exchanges.rows import Place, Rejected, Row

D = Decimal


def account(
    uuid: str = "u1", currency: str = "BTC", available: object = "1.5", hold: object = "0.5", **more: object
) -> dict:
    return {
        "uuid": uuid,
        "currency": currency,
        "available_balance": {"value": available, "currency": currency},
        "hold": {"value": hold, "currency": currency},
        "type": "ACCOUNT_TYPE_CRYPTO",
        **more,
    }


def page(*rows: object, **more: object) -> dict:
    return {"accounts": list(rows), "has_next": False, "cursor": "", "size": len(rows), **more}


def rejected(content: object) -> tuple[UnknownReason, str]:
    got = read_page(content)
    assert isinstance(got, Rejected)
    return got.reason, got.detail


def test_a_page() -> None:
    """Total is available plus hold; the last page has no cursor, another has."""
    got = read_page(page(account(), account("u2", "USD", "-3", "0", type="ACCOUNT_TYPE_FIAT")))
    assert got == Page(
        (
            AccountRow("u1", "BTC", Place("spot", "BTC"), D(2), D("0.5")),
            AccountRow("u2", "USD", Place("spot", "USD"), D(-3), D(0)),
        ),
        None,
        2,
    )
    more = read_page(page(account(), has_next=True, cursor="abc"))
    assert isinstance(more, Page)
    assert more.cursor == "abc"
    assert read_page(page()) == Page((), None, 0)


@pytest.mark.parametrize(
    ("kind", "wallet"),
    [
        ("ACCOUNT_TYPE_FIAT", "spot"),
        ("ACCOUNT_TYPE_VAULT", "vault"),
        ("ACCOUNT_TYPE_PERP_FUTURES", "perpetuals"),
    ],
)
def test_the_type_says_the_wallet(kind: str, wallet: str) -> None:
    """Vaults and collateral are wallets of their own."""
    got = read_page(page(account(type=kind)))
    assert isinstance(got, Page)
    assert got.rows[0].place == Place(wallet, "BTC")


def test_an_unknown_type_counts_only_when_it_holds_something() -> None:
    """Value of a kind that nobody knows makes the whole answer unreadable; an empty one is no harm."""
    assert rejected(page(account(type="ACCOUNT_TYPE_NEW"))) == (UnknownReason.BAD_SHAPE, "unknown_account_type")
    got = read_page(page(account(available="0", hold="0", type="ACCOUNT_TYPE_NEW")))
    assert isinstance(got, Page)
    assert got.rows[0].place.wallet == "unknown"


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ([], "answer_not_an_object"),
        (None, "answer_not_an_object"),
        ({}, "accounts_not_a_list"),
        ({"accounts": {}, "has_next": False, "size": 0}, "accounts_not_a_list"),
        ({"accounts": [], "size": 0}, "no_has_next"),
        (page(has_next="false"), "no_has_next"),
        (page(size=None), "no_size"),
        (page(size=True), "no_size"),
        (page("x"), "not_an_account"),
        (page(account(uuid="")), "not_an_account"),
        (page(account(type=None)), "not_an_account"),
        (page(account(currency="B-C")), "not_a_currency"),
        (page(account(hold="-1")), "negative_hold"),
        (page(account(available="-1")), "hold_above_balance"),
        (page(account(available=None)), "not_a_number"),
        (page(account(available="1,5")), "not_a_number"),
        (page(account(hold=None)), "not_a_number"),
        (page(account(hold={"currency": "BTC"})), "not_a_number"),
        (page({**account(), "hold": None}), "leg_missing"),
        (page({**account(), "hold": {"currency": "BTC"}}), "leg_missing"),
        (page({**account(), "available_balance": {"value": "1", "currency": "ETH"}}), "leg_missing"),
    ],
)
def test_what_is_not_recognised(content: object, detail: str) -> None:
    """Anything but the documented shape is refused with a constant word."""
    assert rejected(content) == (UnknownReason.BAD_SHAPE, detail)


def test_other_reasons() -> None:
    """Numbers that are none, pages that are not whole, names that stand twice."""
    assert rejected(page(account(available="NaN")))[0] is UnknownReason.NOT_FINITE
    assert rejected(page(account(available="1e30")))[0] is UnknownReason.OUT_OF_RANGE
    assert rejected(page(account(hold="0." + "1" * 40)))[0] is UnknownReason.OUT_OF_RANGE
    for cursor in ({"cursor": ""}, {"cursor": None}, {"cursor": 7}):
        assert rejected(page(account(), has_next=True, **cursor)) == (UnknownReason.INCOMPLETE_PAGE, "no_cursor")
    assert rejected(page(has_next=True, cursor="x"))[0] is UnknownReason.INCOMPLETE_PAGE
    assert rejected(decode('{"accounts": [], "accounts": []}')) == (UnknownReason.CODE_COLLISION, "key_twice")


def test_several_accounts_of_one_currency() -> None:
    """They are added up in their wallet, but not over wallets, and not where two codes give one currency."""
    rows = [
        AccountRow("a", "DOT", Place("spot", "DOT"), D(1), D("0.5")),
        AccountRow("b", "DOT", Place("spot", "DOT"), D(2), D(0)),
        AccountRow("c", "DOT", Place("vault", "DOT"), D(4), D(0)),
    ]
    assert summed(rows) == [Row(Place("spot", "DOT"), D(3), D("0.5")), Row(Place("vault", "DOT"), D(4), D(0))]
    clash = [
        AccountRow("a", "CGLD", Place("spot", "CELO"), D(1), D(0)),
        AccountRow("b", "CELO", Place("spot", "CELO"), D(1), D(0)),
    ]
    assert summed(clash) == Rejected(UnknownReason.CODE_COLLISION, "two_codes_one_currency")
