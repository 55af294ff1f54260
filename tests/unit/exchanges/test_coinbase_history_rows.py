"""Fills and transactions of Coinbase as movements: what each kind of row is, and what is refused."""

import asyncio
from decimal import Decimal

import pytest

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.movements import MovementType, fill_effects
from reconcile_actors.exchanges.ccxt_client import Answer
from reconcile_actors.exchanges.coinbase.fields import instant_of, timestamp
from reconcile_actors.exchanges.coinbase.fills import read_fills
from reconcile_actors.exchanges.coinbase.history import Fetch, account_transactions, all_fills
from reconcile_actors.exchanges.coinbase.seen import ROWS_MAX, AccountRead, Seen
from reconcile_actors.exchanges.coinbase.transactions import movements_of, read_transactions
from reconcile_actors.exchanges.port import ExchangeFailureError
from reconcile_actors.exchanges.rows import Place
from tests.unit.exchanges.exchange_fakes import START_AT, FakeClient, VirtualTime

D = Decimal
BTC = Place("spot", "BTC")
SECOND = 1_000_000


def fill(entry: str = "e1", **more: object) -> dict:
    return {
        "entry_id": entry,
        "trade_id": f"t-{entry}",
        "order_id": "o1",
        "trade_time": "2023-01-18T01:37:38.091377090Z",
        "trade_type": "FILL",
        "price": "21220.64",
        "size": "0.5",
        "commission": "0.25",
        "product_id": "BTC-USDT",
        "sequence_timestamp": "2023-01-18T01:37:38.092520Z",
        "size_in_quote": False,
        "side": "BUY",
        **more,
    }


def fills(*rows: object, cursor: object = "") -> dict:
    return {"fills": list(rows), "cursor": cursor}


def row(
    own_id: str = "x", kind: str = "send", amount: str = "1", *, at: str = "2023-11-14T22:13:20Z", **more: object
) -> dict:
    return {
        "id": own_id,
        "type": kind,
        "status": "completed",
        "amount": {"amount": amount, "currency": "BTC"},
        "created_at": at,
        "updated_at": at,
        **more,
    }


def rows(*many: object, after: str | None = None, uri: str | None = None) -> dict:
    return {"data": list(many), "pagination": {"next_uri": uri or after, "next_starting_after": after}}


def code_of(read: object, *arguments: object) -> str:
    with pytest.raises(ExchangeFailureError) as caught:
        read(*arguments)  # type: ignore[operator] # a function
    return caught.value.code


def test_a_fill() -> None:
    """Its effects are those of a report of the same fill; its time is cut to microseconds."""
    page = read_fills("main", fills(fill(), fill("e2", side="SELL", product_id="CGLD-USD"), cursor="next"))
    one, two = page.movements.values()
    assert one.effects == fill_effects(
        "spot", "BTC/USDT", "buy", D("0.5"), D("21220.64"), fee_currency="USDT", fee=D("0.25")
    )
    assert (one.id, one.order_id, one.side, one.instrument, one.wallet) == ("t-e1", "o1", "buy", "BTC/USDT", "spot")
    assert one.occurred_at == 1_674_005_858_091_377
    assert (two.instrument, two.side) == ("CELO/USD", "sell")
    assert (page.cursor, page.orders) == ("next", {"o1"})


def test_a_size_in_quote() -> None:
    """What was spent is exact; the base is the quotient, cut where ccxt cuts it."""
    page = read_fills("main", fills(fill(size="0.0046830664333996", size_in_quote=True, commission="0")))
    (one,) = page.movements.values()
    assert one.effects == {
        Leg("spot", "BTC", Field.TOTAL): D("0.000000220684504963"),
        Leg("spot", "USDT", Field.TOTAL): D("-0.0046830664333996"),
    }


@pytest.mark.parametrize("product", ["BIT-28JUL23-CDE", "BTC-PERP-INTX"])
def test_derivatives_move_nothing_in_spot(product: str) -> None:
    """They are recognised and left out; their order is known all the same."""
    page = read_fills("main", fills(fill(product_id=product)))
    assert page.movements == {}
    assert page.orders == {"o1"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ([], "answer_not_an_object"),
        ({"fills": [1], "cursor": ""}, "no_fills"),
        ({"fills": []}, "no_cursor"),
        (fills(fill(), fill()), "fill_twice"),
        (fills(fill(trade_type="REVERSAL")), "fill_kind"),
        (fills(fill(side="UNKNOWN_ORDER_SIDE")), "fill_kind"),
        (fills(fill(product_id="BTC")), "fill_kind"),
        (fills(fill(product_id="BTC-USD-X")), "fill_kind"),
        (fills(fill(price="0")), "fill_amount"),
        (fills(fill(size="-1")), "fill_amount"),
        (fills(fill(size_in_quote=None)), "fill_amount"),
        (fills(fill(commission="")), "no_commission"),
        (fills(fill(trade_id="")), "no_trade_id"),
        (fills(fill(order_id=None)), "no_order_id"),
        (fills(fill(trade_time="2023-01-18 01:37:38")), "no_trade_time"),
        (fills(fill(trade_time="2023-13-18T01:37:38Z")), "no_trade_time"),
    ],
)
def test_fills_that_are_not_understood(content: object, code: str) -> None:
    """One row that is not wholly understood refuses the page."""
    assert code_of(read_fills, "main", content) == code


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("send", MovementType.TRANSFER),
        ("fiat_withdrawal", MovementType.TRANSFER),
        ("pro_deposit", MovementType.TRANSFER),
        ("vault_withdrawal", MovementType.TRANSFER),
        ("staking_transfer", MovementType.TRANSFER),
        ("staking_reward", MovementType.REWARD),
        ("earn_payout", MovementType.REWARD),
        ("subscription", MovementType.FEE),
        ("clawback", MovementType.ADJUSTMENT),
        ("something_new", MovementType.ADJUSTMENT),
    ],
)
def test_kinds_of_transactions(kind: str, expected: MovementType) -> None:
    """Each has its place in the book, and one that nobody knows is still a movement."""
    (one,) = movements_of("main", read_transactions(rows(row(kind=kind, amount="-2")), BTC).rows)
    assert (one.type, one.id, one.instrument, one.pending) == (expected, "x", "BTC", False)
    assert one.effects == {Leg("spot", "BTC", Field.TOTAL): D(-2)}


def test_what_was_bought_outside_the_order_book() -> None:
    """Each side is a fill of one leg; both sides under one id are one."""
    one = read_transactions(rows(row("c", "trade", "-1")), BTC).rows
    other = read_transactions(
        rows(row("c", "trade", amount="0", status="completed") | {"amount": {"amount": "20", "currency": "ETH"}}),
        Place("spot", "ETH"),
    ).rows
    (both,) = movements_of("main", [*one, *other])
    assert (both.type, both.instrument) == (MovementType.FILL, None)
    assert {leg.currency: amount for leg, amount in both.effects.items()} == {"BTC": -1, "ETH": 20}


def test_states_of_transactions() -> None:
    """Pending is marked, void and zero move nothing, and fills are left to the fills."""
    listed = read_transactions(
        rows(
            row("p", status="pending"),
            row("w", status="waiting_for_clearing"),
            row("f", status="failed"),
            row("e", status="expired"),
            row("z", amount="0.00"),
            row("a", "advanced_trade_fill", advanced_trade_fill={"order_id": "o1"}),
        ),
        BTC,
    ).rows
    assert [(one.id, one.pending) for one in movements_of("main", listed)] == [("p", True), ("w", True)]
    assert listed[-1].order_id == "o1"


def test_when_a_transaction_counts() -> None:
    """Money that comes counts when it is there, money that goes at once; without a change the making is the time."""
    later = "2023-11-14T22:15:00Z"
    came, went, old = read_transactions(
        rows(row(updated_at=later), row(amount="-1", updated_at=later), {**row(), "updated_at": None}), BTC
    ).rows
    assert (came.at - START_AT, went.at - START_AT, old.at - START_AT) == (100 * SECOND, 0, 0)
    assert went.changed_at == came.at


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ([], "answer_not_an_object"),
        ({"data": None}, "no_data"),
        ({"data": []}, "no_pagination"),
        (rows(row(status="odd")), "transaction_status"),
        (rows(row(amount="x")), "no_amount"),
        (rows({**row(), "amount": "1"}), "no_amount"),
        (rows({**row(), "amount": {"amount": "1", "currency": "ETH"}}), "transaction_currency"),
        (rows(row(at="")), "no_created_at"),
        (rows({**row(), "updated_at": 7}), "no_updated_at"),
        (rows(row(own_id="")), "no_id"),
        (rows(after="x"), "no_cursor"),
        (rows(row(), uri="/v2/accounts/a/transactions?limit=5"), "no_cursor"),
    ],
)
def test_transactions_that_are_not_understood(content: object, code: str) -> None:
    """One row that is not wholly understood refuses the page."""
    assert code_of(read_transactions, content, BTC) == code


def test_the_next_page_may_be_named_in_the_address_alone() -> None:
    """Where `next_starting_after` is null the address of the next page says it."""
    assert read_transactions(rows(row(), uri="/v2/x?limit=1&starting_after=abc"), BTC).after == "abc"


def test_times_both_ways() -> None:
    """What is asked for is written as it is read."""
    assert timestamp(START_AT + 5) == "2023-11-14T22:13:20.000005Z"
    assert instant_of({"at": timestamp(START_AT + 5)}, "at") == START_AT + 5
    assert instant_of({"at": "2023-11-15T00:13:20+02:00"}, "at") == START_AT


async def answer(content: object) -> Answer:
    return await FakeClient(VirtualTime(), content).call("x", {}, timeout_seconds=1)  # type: ignore[arg-type] # JSON


def test_fills_that_change_or_repeat_are_refused() -> None:
    """A cursor that repeats, a fill that says two things, a trade under two entries."""

    def read(*pages: object) -> str:
        left = list(pages)

        async def fetch(params: dict[str, object]) -> Answer:
            return await answer(left.pop(0) if len(left) > 1 else left[0])

        with pytest.raises(ExchangeFailureError) as caught:
            asyncio.run(all_fills("main", fetch, START_AT - 60 * SECOND, START_AT))
        return caught.value.code

    assert read(fills(fill(), cursor="a"), fills(fill("e2"), cursor="a")) == "cursor_repeats"
    assert read(fills(fill(), cursor="a"), fills(fill(size="9"))) == "fill_changed"
    assert read(fills(fill(), cursor="a"), fills(fill("e2", trade_id="t-e1"))) == "trade_twice"


def test_an_empty_page_that_leads_to_itself_is_the_end() -> None:
    """A list may give a cursor with its last page too; a page with fills that leads back is refused."""
    left = [fills(fill(), cursor="a"), fills(cursor="a")]

    async def fetch(params: dict[str, object]) -> Answer:
        return await answer(left.pop(0) if len(left) > 1 else left[0])

    got = asyncio.run(all_fills("main", fetch, START_AT - 60 * SECOND, START_AT))
    assert [movement.id for movement in got.movements] == ["t-e1"]


def test_fills_without_end() -> None:
    """However narrow the window, a list that never ends is refused."""
    count = 0

    async def fetch(params: dict[str, object]) -> Answer:
        nonlocal count
        count += 1
        return await answer(fills(fill(f"e{count}"), cursor=f"c{count}"))

    for span in (4 * SECOND, 1_000_000 * SECOND):
        with pytest.raises(ExchangeFailureError) as caught:
            asyncio.run(all_fills("main", fetch, START_AT - span, START_AT))
        assert caught.value.code == "history_too_long"


def read_account(fetch: Fetch, since_at: int, oldest_at: int | None = None, seen: Seen | None = None) -> AccountRead:
    oldest = since_at if oldest_at is None else oldest_at
    return asyncio.run(account_transactions(fetch, "u", BTC, since_at, oldest_at=oldest, seen=seen or Seen()))


def test_transactions_without_end() -> None:
    """As many as one look should ask for are read, and the answer says from when on they are all."""
    count = 0

    async def fetch(params: dict[str, object]) -> Answer:
        nonlocal count
        count += 1
        at = timestamp(START_AT - count * 60 * SECOND)
        return await answer(rows(row(f"r{count}", at=at), after=f"r{count}"))

    three = read_account(fetch, START_AT - 150 * SECOND)
    assert (len(three.rows), three.since_at) == (3, START_AT - 152 * SECOND)
    count = 0
    pending_far_back = read_account(fetch, START_AT - 150 * SECOND, oldest_at=0)
    assert (len(pending_far_back.rows), pending_far_back.since_at) == (10, START_AT - 152 * SECOND)
    assert not pending_far_back.cut
    count = 0
    very_many = read_account(fetch, 0)
    assert (len(very_many.rows), very_many.since_at, very_many.cut) == (10, START_AT - 600 * SECOND + 1, True)

    async def same(params: dict[str, object]) -> Answer:
        return await answer(rows(row(), after="x"))

    with pytest.raises(ExchangeFailureError, match="cursor_repeats"):
        read_account(same, 0)


def test_pages_seen_before_are_not_read_again() -> None:
    """A look ends at a page of which all is known just so; one row that changed leads it on."""
    state = {"r3": "completed"}
    asked = []

    async def fetch(params: dict[str, object]) -> Answer:
        number = int(str(params.get("starting_after", "r0"))[1:]) + 1
        asked.append(number)
        at = timestamp(START_AT - number * 10 * SECOND)
        own = f"r{number}"
        return await answer(
            rows(row(own, at=at, status=state.get(own, "completed")), after=own if number < 6 else None)
        )

    seen, since_at = Seen(), START_AT - 100 * SECOND
    seen.take(read_account(fetch, since_at, seen=seen), START_AT)
    assert len(asked) == 6
    asked.clear()
    again = read_account(fetch, since_at, seen=seen)
    assert (asked, again.deep) == ([1], False)
    seen.take(again, START_AT + 29 * SECOND)
    assert len(seen.since(since_at)) == 6
    state["r1"] = "failed"
    asked.clear()
    assert (len(read_account(fetch, since_at, seen=seen).rows), asked) == (2, [1, 2])
    seen.take(again, START_AT + 31 * SECOND)
    asked.clear()
    deep = read_account(fetch, since_at, seen=seen)
    assert (len(asked), deep.deep) == (6, True)


def test_too_many_rows_are_not_asked_for_by_every_look() -> None:
    """After a look that was cut the next ones read the last minute alone; half a minute later one tries again."""
    seen, long_ago = Seen(), START_AT - 90_000 * SECOND
    assert not seen.reaches(long_ago)
    seen.take(AccountRead({}, START_AT - 9 * SECOND, cut=True), START_AT)
    assert (seen.covers(long_ago), seen.reaches(long_ago)) == (False, True)
    assert seen.from_at(long_ago) == START_AT - 60 * SECOND
    seen.take(AccountRead({}, START_AT - 60 * SECOND), START_AT + 30 * SECOND)
    assert not seen.reaches(long_ago)
    assert seen.from_at(long_ago) == long_ago


def test_what_is_seen_is_kept_and_told() -> None:
    """By when it changed, or when it was seen to have settled; of very many the newest, and fills only for a while."""

    def take(seen: Seen, at: int, *listed: dict, since_at: int = START_AT) -> None:
        page = read_transactions(rows(*listed), BTC)
        seen.take(AccountRead({one.id: one for one in page.rows}, since_at), at)

    seen, minute = Seen(), 60 * SECOND
    assert (seen.was_read, seen.covers(0), seen.from_at(5)) == (False, False, 5)
    take(seen, START_AT + minute, row("p", status="pending"), row("f", "advanced_trade_fill"))
    assert (seen.was_read, seen.covers(START_AT), seen.covers(START_AT - 1)) == (True, True, False)
    assert seen.pending == {"p": START_AT}
    assert seen.from_at(START_AT) == START_AT
    assert seen.from_at(START_AT + 5 * minute) == START_AT + 5 * minute
    take(seen, START_AT + 5 * minute, row("p"), since_at=START_AT + minute)
    assert seen.pending == {}
    assert [one.id for one in seen.since(START_AT)] == ["p"]
    assert [one.id for one in seen.since(START_AT + 4 * minute)] == ["p"]
    assert seen.since(START_AT + 6 * minute) == []
    assert seen.from_at(START_AT) == START_AT + 4 * minute
    take(seen, START_AT + 90 * minute, row("later"), since_at=START_AT + 80 * minute)
    assert not seen.covers(START_AT + 70 * minute)  # a gap between two looks
    many = [row(f"m{n}", at=timestamp(START_AT + n * SECOND)) for n in range(ROWS_MAX + 5)]
    take(seen, START_AT + 91 * minute, *many, since_at=START_AT - minute)
    assert len(seen.since(0)) == ROWS_MAX
    assert not seen.covers(START_AT + 4 * SECOND)
    assert seen.covers(START_AT + 5 * SECOND)
