"""The gate for exchanges that nobody described, with readers as careless as ccxt's can be: what was not stated is not believed."""

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal

import pytest

from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.exchanges.decoding import decode
from reconcile_actors.exchanges.generic.gate import Amounts, Believed, Gate
from reconcile_actors.exchanges.generic.probing import Legs
from reconcile_actors.exchanges.rows import Rejected

Reader = Callable[[object], Mapping[str, Legs]]
BTC = {"coin": "btc", "free": "1.5", "locked": "0.5"}
ETH = {"coin": "eth", "free": "0", "locked": "0"}


def text(value: object) -> str | None:
    return None if value is None else str(value)


def add(*amounts: str | None) -> str:
    return str(sum((Decimal(one) for one in amounts if one), Decimal(0)))


def careless(content: object) -> dict[str, Legs]:
    """Takes whatever is missing for zero, and an answer without rows for an empty account."""
    rows = content.get("data") or [] if isinstance(content, dict) else []
    legs = {}
    for row in rows:
        free, used = text(row.get("free")) or "0", text(row.get("locked")) or "0"
        legs[row["coin"].upper()] = Legs(free, used, text(row.get("total")) or add(free, used), None)
    return legs


class Account:
    """A gate and the reader behind it; `rereads` counts how often an answer was read once more."""

    def __init__(self, reader: Reader = careless, *, allow_empty: bool = False) -> None:
        self.gate = Gate(str.upper, allow_empty=allow_empty)
        self.reader = reader
        self.rereads = 0

    def judge(self, *contents: object, number: int = 0) -> Believed | Rejected:
        """The last of the answers holds the balances, unless `number` says otherwise."""

        async def reread(at: int, content: object) -> Mapping[str, Legs] | None:
            self.rereads += 1
            try:
                return self.reader(content if at == number else contents[number])
            except (KeyError, TypeError, ValueError, AttributeError):
                return None

        return asyncio.run(self.gate.judge(self.reader(contents[number]), contents, reread))


def data(*rows: object) -> dict[str, object]:
    return {"code": 0, "data": list(rows)}


def detail(verdict: Believed | Rejected) -> str:
    assert isinstance(verdict, Rejected), verdict
    return verdict.detail


def test_a_table_that_explains_the_result_is_believed_and_learnt_once() -> None:
    """Totals and legs come from the raw answer; a second answer of the same form is not read twice."""
    account = Account()
    assert account.judge(data(BTC, ETH)) == Believed(
        {
            "BTC": Amounts(Decimal("2.0"), Decimal("1.5"), Decimal("0.5")),
            "ETH": Amounts(Decimal(0), Decimal(0), Decimal(0)),
        },
        0,
    )
    assert account.rereads == 1
    assert isinstance(account.judge(data({**BTC, "free": "9"}, ETH)), Believed)
    assert account.rereads == 1


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"coin": "btc", "free": "1.5", "locked": None}, "leg_null"),
        ({"coin": "btc", "free": "1.5", "locked": ""}, "leg_null"),
        ({"coin": "btc", "free": None, "locked": "0.5"}, "leg_null"),
        ({"coin": "btc", "free": "1.5"}, "leg_not_stated"),
        ({"coin": "btc", "locked": "1.5"}, "leg_not_stated"),
        ({"coin": "btc", "note": "none"}, "total_not_stated"),
        ({"coin": "btc", "free": "1.5", "locked": "0.5", "total": "3"}, "rows_read_differently"),
        ({"coin": "btc", "free": "-1", "locked": "0"}, "negative_leg"),
    ],
)
@pytest.mark.parametrize("seen_before", [True, False])
def test_what_is_missing_is_not_zero(row: dict[str, object], why: str, seen_before: bool) -> None:
    """A leg that is null, absent, negative or contradicted makes the account unknown, before and after good answers."""
    account = Account()
    if seen_before:
        assert isinstance(account.judge(data(BTC, ETH)), Believed)
    assert detail(account.judge(data(row, ETH))) == why
    assert isinstance(account.judge(data(BTC, ETH)), Believed)


def test_a_row_that_lacks_the_field_of_the_total_is_not_read_as_less() -> None:
    """Where rows state totals, beside others or before, one that states its legs alone may lack a part: staked, lent, pending."""
    staked = {"coin": "btc", "free": "1", "total": "3"}
    bare = {"coin": "eth", "free": "1", "locked": "0"}
    assert detail(Account().judge(data(staked, bare))) == "rows_read_differently"
    account = Account()
    assert isinstance(account.judge(data({**bare, "total": "1"})), Believed)
    for _ in range(2):
        assert detail(account.judge(data(bare))) == "rows_read_differently"
    assert detail(Account().judge(data({**bare, "total": "3"}))) == "legs_do_not_add_up"


def test_a_null_that_no_leg_follows_from_does_not_matter() -> None:
    """A field that ccxt does not read may be null: it is shown by marking it."""
    verdict = Account().judge(data({**BTC, "note": None, "bonus": ""}))
    assert isinstance(verdict, Believed)
    assert verdict.rows["BTC"].total == 2


def test_a_total_of_its_own_needs_no_legs() -> None:
    """Where the exchange states a total, a leg that is null stays unstated and nothing else is lost."""
    verdict = Account().judge(data({"coin": "btc", "free": "1.5", "locked": None, "total": "2"}))
    assert isinstance(verdict, Believed)
    assert verdict.rows == {"BTC": Amounts(Decimal(2), Decimal("1.5"), None)}


@pytest.mark.parametrize("label", ["upl", "session_upl", "unrealisedPnl", "crossUnPnl", "total_unrealized_pnl"])
def test_a_total_that_may_move_with_prices_is_unknown(label: str) -> None:
    """An account with open positions is no spot account: its total moves without any movement."""
    assert isinstance(Account().judge(data({**BTC, label: "0.00"})), Believed)
    assert isinstance(Account().judge(data({**BTC, label: ""})), Believed)
    assert detail(Account().judge(data({**BTC, label: "-0.3"}))) == "open_positions"
    assert detail(Account().judge(data({**BTC, label: "much"}))) == "open_positions"


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity"])
def test_not_finite_is_named(amount: str) -> None:
    """An amount that is no number has a reason of its own."""
    account = Account()
    account.judge(data({**BTC, "total": "2"}))
    verdict = account.judge(data({**BTC, "total": amount}))
    assert isinstance(verdict, Rejected)
    assert verdict.reason is UnknownReason.NOT_FINITE


@pytest.mark.parametrize("amount", ["1" + "0" * 30, "0." + "1" * 40, "1e999"])
def test_absurd_amounts_are_out_of_range(amount: str) -> None:
    """Too large, too precise, an absurd exponent."""
    verdict = Account().judge(data({"coin": "btc", "total": amount}))
    assert isinstance(verdict, Rejected)
    assert verdict.reason is UnknownReason.OUT_OF_RANGE


def test_rows_that_the_result_lacks_are_not_left_out() -> None:
    """A row that ccxt skips makes the account unknown, unless it is one that holds nothing."""

    def skipping(content: object) -> dict[str, Legs]:
        return {code: legs for code, legs in careless(content).items() if code != "ETH"}

    def skipping_zeros(content: object) -> dict[str, Legs]:
        return {code: legs for code, legs in careless(content).items() if Decimal(legs.total or 0)}

    assert detail(Account(skipping).judge(data(BTC, ETH))) == "row_not_taken"
    verdict = Account(skipping_zeros).judge(data(BTC, ETH))
    assert isinstance(verdict, Believed)
    assert verdict.rows["ETH"].total == 0


def test_a_result_that_the_answer_does_not_hold_is_not_believed() -> None:
    """Neither a currency from nowhere, nor an amount in another unit, nor one that is added up over rows."""

    def inventing(content: object) -> dict[str, Legs]:
        return {**careless(content), "XRP": Legs("1", "0", "1", None)}

    def scaling(content: object) -> dict[str, Legs]:
        return {
            code: Legs(None, None, str(Decimal(legs.total or 0) / 10**8), None)
            for code, legs in careless(content).items()
        }

    def adding_up(content: object) -> dict[str, Legs]:
        legs = careless(content)
        return {code: Legs(None, None, add(*(one.total for one in legs.values())), None) for code in legs}

    assert detail(Account(inventing).judge(data(BTC, ETH))) == "not_in_the_answer"
    assert detail(Account(scaling).judge(data(BTC, ETH))) == "total_not_stated"
    assert detail(Account(adding_up).judge(data(BTC, ETH))) == "total_not_stated"


def test_an_answer_that_disagrees_with_what_was_learnt_is_learnt_anew() -> None:
    """What is read otherwise than before is unknown once, and looked into at the next read."""
    other = {"on": False}

    def changing(content: object) -> dict[str, Legs]:
        legs = careless(content)
        return {code: Legs(None, None, one.free, None) for code, one in legs.items()} if other["on"] else legs

    account = Account(changing)
    assert isinstance(account.judge(data(BTC)), Believed)
    other["on"] = True
    assert detail(account.judge(data(BTC))) == "not_the_answers_amount"
    verdict = account.judge(data(BTC))
    assert isinstance(verdict, Believed)
    assert verdict.rows == {"BTC": Amounts(Decimal("1.5"), None, None)}


def test_a_reader_that_fails_explains_nothing() -> None:
    """Where the answer cannot be read once more, it is not believed."""
    account = Account()
    account.reader = careless
    result = careless(data(BTC))

    async def nothing(at: int, content: object) -> None:
        return None

    verdict = asyncio.run(account.gate.judge(result, [data(BTC)], nothing))
    assert detail(verdict) == "row_not_taken"


def test_two_rows_of_one_currency_collide() -> None:
    """The last of them would win, or their sum: neither is known to be right."""
    verdict = Account().judge(data(BTC, {**BTC, "free": "7"}, ETH))
    assert verdict == Rejected(UnknownReason.CODE_COLLISION, "two_rows_one_currency")


def test_a_key_that_is_named_twice_collides() -> None:
    """An object that names a key twice is not half read, wherever it stands."""
    twice = decode('{"data": [{"coin": "btc", "free": "1", "locked": "0"}], "extra": {"a": 1, "a": 2}}')
    assert Account().judge(twice) == Rejected(UnknownReason.CODE_COLLISION, "key_twice")


@pytest.mark.parametrize(
    "mark", [{"has_next": True}, {"nextPageCursor": "abc"}, {"pagination": {"next_uri": "/v2/?after=1"}}]
)
def test_an_answer_that_goes_on_is_incomplete(mark: dict[str, object]) -> None:
    """Where the exchange says that there are more pages, the first is no account; where it says there are none, it is."""
    verdict = Account().judge({**data(BTC), **mark})
    assert verdict == Rejected(UnknownReason.INCOMPLETE_PAGE, "goes_on")
    assert isinstance(
        Account().judge({**data(BTC), "has_next": False, "nextPageCursor": "", "next_uri": None}), Believed
    )


def test_a_code_that_is_no_currency_is_not_believed() -> None:
    """Where ccxt knows no code it repeats the exchange's number or id, which no book has."""
    assert detail(Account().judge(data({**BTC, "coin": "17"}))) == "not_a_currency"
    assert detail(Account().judge(data({**BTC, "coin": "0C3A106D-BDE3-4C13-A26E-3FD2394529E5"}))) == "not_a_currency"


@pytest.mark.parametrize("content", [None, "text", 7])
def test_an_answer_that_is_no_object_is_not_believed(content: object) -> None:
    """JSON, but neither an object nor a list."""
    account = Account()
    verdict = asyncio.run(account.gate.judge({}, [content], lambda at, one: asyncio.sleep(0, None)))
    assert detail(verdict) == "answer_not_an_object"


def test_too_much_is_not_looked_into() -> None:
    """Nesting without end, and more values than any account has, are unknown and nothing worse (I12)."""
    deep: object = "end"
    for number in range(900):
        deep = [deep] if number % 2 else {"data": deep}
    for content in (deep, {"data": [0] * 500_000}):
        assert detail(Account().judge(data(BTC), content)) == "too_much"


def test_a_bare_success_tells_nothing() -> None:
    """From an answer without data ccxt may conclude that the account is of another kind; an empty result asks for no more."""
    for bare in ({}, [], {"code": 0, "msg": "ok", "result": {}, "time": 7}, {"retCode": 0, "data": [None, ""]}):
        assert detail(Account().judge(bare, data(BTC), number=1)) == "answer_empty"
    assert isinstance(Account().judge({"code": 0, "result": {"uta": 1}}, data(BTC), number=1), Believed)


def test_a_probe_before_the_balances_does_not_disturb() -> None:
    """An answer about the kind of the account holds no balance; the one that does is found, and told by its number."""
    verdict = Account().judge({"unified": True, "account": {"id": "77"}}, data(BTC), number=1)
    assert isinstance(verdict, Believed)
    assert verdict.answer == 1


def test_balances_of_two_answers_are_not_one_moment() -> None:
    """Amounts that come from two answers may be from before and after a fill: no one table explains them."""
    first, second = data(BTC), data({**ETH, "free": "3"})

    async def reread(at: int, content: object) -> Mapping[str, Legs]:
        return {**careless(content if at == 0 else first), **careless(content if at == 1 else second)}

    result = {**careless(first), **careless(second)}
    assert detail(asyncio.run(Account().gate.judge(result, [first, second], reread))) == "not_in_the_answer"


def test_empty_needs_a_place_where_rows_stood() -> None:
    """No row is an empty account only where that is allowed, and where rows were seen before, and nothing else is there."""
    never, forbidden, allowed = Account(allow_empty=True), Account(), Account(allow_empty=True)
    assert never.judge(data()) == Rejected(UnknownReason.EMPTY, "no_row")
    for account in (forbidden, allowed):
        assert isinstance(account.judge(data(BTC)), Believed)
    assert forbidden.judge(data()) == Rejected(UnknownReason.EMPTY, "no_row")
    assert allowed.judge(data()) == Believed({}, 0)
    for garbage in ({}, {"data": None}, {"data": {}}, {"code": 0}, []):
        assert allowed.judge(garbage) == Rejected(UnknownReason.EMPTY, "no_row")


def test_rows_with_fields_of_their_own_are_understood() -> None:
    """Hundreds of rows, each with fields that no other has, as those of the chains a coin is on."""
    rows = [
        {
            "coin": f"c{number}",
            "free": "2",
            "locked": "1",
            "chains": {f"chain{number}": {"fee": "0.1", "least": number}},
        }
        for number in range(700)
    ]
    account = Account()
    for _ in range(2):
        verdict = account.judge(data(*rows))
        assert isinstance(verdict, Believed)
        assert {amounts.total for amounts in verdict.rows.values()} == {Decimal(3)}
    assert account.rereads == 1


def test_many_shapes_are_not_kept_without_end() -> None:
    """What is learnt is bounded (I12)."""
    account = Account()
    for number in range(600):
        assert isinstance(account.judge(data({**BTC, f"field{number}": "text"})), Believed)
    assert len(account.gate._known) <= 256
