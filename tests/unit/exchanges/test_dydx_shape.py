"""The gate for a subaccount: every leg is positively recognised, or nothing is believed; equity and height tell of the rest."""

from decimal import Decimal
from typing import Any

import pytest

from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.exchanges.decoding import REPEATED_KEYS
from reconcile_actors.exchanges.dydx.errors import explain
from reconcile_actors.exchanges.dydx.plausibility import Heights, adds_up, adds_up_by_itself, read_oracle_prices
from reconcile_actors.exchanges.dydx.shape import Rejected, Subaccount, read_subaccount
from reconcile_actors.exchanges.failures import Verdict
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass

ADDRESS = "dydx14zzueazeh0hj67cghhf9jypslcf9sh2n5k6art"
SECOND = 1_000_000


def row(ticker: str, size: object, side: str | None = None, **more: object) -> dict[str, object]:
    direction = side or ("SHORT" if str(size).startswith("-") else "LONG")
    return {"market": ticker, "status": "OPEN", "side": direction, "size": size, **more}


def usdc(size: object, side: str = "LONG") -> dict[str, object]:
    return {"symbol": "USDC", "side": side, "size": size, "assetId": "0"}


def answer(positions: object = None, assets: object = None, **more: object) -> dict[str, Any]:
    inner = {
        "address": ADDRESS,
        "subaccountNumber": 0,
        "equity": "100",
        "freeCollateral": "100",
        "openPerpetualPositions": {} if positions is None else positions,
        "assetPositions": {"USDC": usdc("100")} if assets is None else assets,
        "latestProcessedBlockHeight": "52246761",
        **more,
    }
    return {"subaccount": {key: value for key, value in inner.items() if value != "gone"}}


def read(content: object) -> Subaccount | Rejected:
    return read_subaccount(content, ADDRESS, 0)


def test_what_is_whole_is_believed() -> None:
    """Amounts to the last digit, as strings or numbers, long and short."""
    positions = {"BTC-USD": row("BTC-USD", "-4.1368"), "ETH-USD": row("ETH-USD", 2)}
    got = read(answer(positions, {"USDC": usdc("608580.951601")}))
    assert isinstance(got, Subaccount)
    assert (got.usdc, got.height) == (Decimal("608580.951601"), 52246761)
    assert got.positions == {"BTC-USD": Decimal("-4.1368"), "ETH-USD": Decimal(2)}


@pytest.mark.parametrize("size", ["5", "-5"])
def test_short_usdc_is_negative(size: str) -> None:
    """However the sign is written beside the side."""
    got = read(answer(assets={"USDC": usdc(size, "SHORT")}))
    assert isinstance(got, Subaccount)
    assert got.usdc == Decimal(-5)


def test_what_is_not_listed_is_not_there() -> None:
    """No row of USDC is no amount, and no height is none."""
    got = read(answer(assets={}, latestProcessedBlockHeight="gone"))
    assert isinstance(got, Subaccount)
    assert (got.usdc, got.positions, got.height) == (None, {}, None)


@pytest.mark.parametrize(
    ("content", "reason", "detail"),
    [
        (None, "bad_shape", "no_subaccount_object"),
        ([], "bad_shape", "no_subaccount_object"),
        ({"subaccount": None}, "bad_shape", "no_subaccount_object"),
        (answer(address="dydx1other"), "bad_shape", "another_subaccount"),
        (answer(subaccountNumber="0"), "bad_shape", "another_subaccount"),
        (answer(openPerpetualPositions="gone"), "bad_shape", "no_positions"),
        (answer([]), "bad_shape", "no_positions"),
        (answer(assetPositions="gone"), "bad_shape", "no_assets"),
        (answer(REPEATED_KEYS), "code_collision", "market_twice"),
        (answer(assets={"USDC": usdc("1"), "DYDX": usdc("1")}), "bad_shape", "unknown_asset"),
        (answer(assets={"USDC": None}), "bad_shape", "not_an_asset"),
        (answer(assets={"USDC": {**usdc("1"), "symbol": "USD"}}), "bad_shape", "not_an_asset"),
        (answer(assets={"USDC": usdc("1", "BOTH")}), "bad_shape", "not_an_asset"),
        (answer(assets={"USDC": usdc("0")}), "bad_shape", "size_against_side"),
        (answer(assets={"USDC": usdc("-1")}), "bad_shape", "size_against_side"),
        (answer(assets={"USDC": usdc(None)}), "bad_shape", "leg_missing"),
        (answer({"BTC-USD": None}), "bad_shape", "not_a_position"),
        (answer({"BTC-USD": row("ETH-USD", "1")}), "bad_shape", "not_a_position"),
        (answer({"BTC": row("BTC", "1")}), "bad_shape", "not_a_position"),
        (answer({"A,UNISWAP,0X1-USD": row("A,UNISWAP,0X1-USD", "1")}), "bad_shape", "not_a_position"),
        (answer({"BTC-USD": row("BTC-USD", "1", status="CLOSED")}), "bad_shape", "position_not_open"),
        (answer({"BTC-USD": row("BTC-USD", "1", "SHORT")}), "bad_shape", "size_against_side"),
        (answer({"BTC-USD": row("BTC-USD", "-1", "LONG")}), "bad_shape", "size_against_side"),
        (answer({"BTC-USD": row("BTC-USD", "0")}), "bad_shape", "size_against_side"),
        (answer({"BTC-USD": row("BTC-USD", "one")}), "bad_shape", "not_a_number"),
        (answer({"BTC-USD": row("BTC-USD", True)}), "bad_shape", "not_a_number"),
        (answer({"BTC-USD": row("BTC-USD", "NaN")}), "not_finite", "not_finite"),
        (answer({"BTC-USD": row("BTC-USD", "1e30")}), "out_of_range", "too_large"),
        (answer({"BTC-USD": row("BTC-USD", "1e-37")}), "out_of_range", "too_precise"),
        (
            answer({"BTC-USD": row("BTC-USD", "1"), "XBT-USD": row("XBT-USD", "1")}),
            "code_collision",
            "two_markets_one_symbol",
        ),
        (answer(equity=None), "bad_shape", "leg_missing"),
        (answer(freeCollateral="gone"), "bad_shape", "leg_missing"),
        (answer(latestProcessedBlockHeight=None), "bad_shape", "not_a_height"),
        (answer(latestProcessedBlockHeight="-1"), "bad_shape", "not_a_height"),
        (answer(latestProcessedBlockHeight="9" * 16), "bad_shape", "not_a_height"),
    ],
)
def test_everything_else_is_refused_with_its_reason(content: object, reason: str, detail: str) -> None:
    """A constant word each, and no amount in it."""
    assert read(content) == Rejected(UnknownReason(reason), detail)


@pytest.mark.parametrize(
    ("equity", "whole"), [("1460.07", True), ("1460.08", True), ("1460.0801", False), ("1400", False)]
)
def test_an_answer_adds_up_by_its_own_prices(equity: str, whole: bool) -> None:
    """Size x entry price + unrealised profit is size x oracle price: with USDC that is the equity, to a cent."""
    rows = {
        "BTC-USD": row("BTC-USD", "-0.5", entryPrice="60000.14", unrealizedPnl="29.93"),
        "ETH-USD": row("ETH-USD", "10", entryPrice="3130", unrealizedPnl="30.21"),
    }
    got = read(answer(rows, equity=equity))
    assert isinstance(got, Subaccount)
    assert adds_up_by_itself(got) is whole


@pytest.mark.parametrize("missing", [{"entryPrice": None}, {"unrealizedPnl": "much"}])
def test_without_its_own_prices_it_does_not(missing: dict[str, object]) -> None:
    """Then the oracle is asked; a position is none the worse for it."""
    prices = {"entryPrice": "60000", "unrealizedPnl": "0", **missing}
    got = read(answer({"BTC-USD": row("BTC-USD", "1", **prices)}))
    assert isinstance(got, Subaccount)
    assert (got.marked, adds_up_by_itself(got)) == (None, False)


def test_nothing_listed_must_be_worth_nothing() -> None:
    """Equity and free collateral say so both."""
    for equity, free, whole in (("0", "0", True), ("5", "5", False), ("0", "5", False)):
        got = read(answer(assets={}, equity=equity, freeCollateral=free))
        assert isinstance(got, Subaccount)
        assert adds_up_by_itself(got) is whole


def account(usdc: str | None, equity: str, free: str = "0", **positions: str) -> Subaccount:
    sizes = {f"{name}-USD": Decimal(size) for name, size in positions.items()}
    return Subaccount(None if usdc is None else Decimal(usdc), sizes, Decimal(equity), Decimal(free))


@pytest.mark.parametrize(
    ("one", "plausible"),
    [
        (account("100", "100"), True),
        (account("100", "100.01"), True),
        (account("100", "100.02"), False),
        (account("100", "30100", BTC="0.5"), True),
        (account("100", "30700", BTC="0.5"), True),
        (account("100", "30711", BTC="0.5"), False),
        (account("60100", "30100", BTC="-0.5"), True),
        (account("60100", "60100", BTC="-0.5"), False),
        # long and short cancel in worth but not in what prices can do to them
        (account("100", "600", BTC="0.5", ETH="-10"), True),
        (account("100", "100", SOL="1"), False),
    ],
)
def test_legs_come_near_the_equity(one: Subaccount, plausible: bool) -> None:
    """Within 2 % of all that is held and a cent; without a price nothing is near."""
    prices = {"BTC-USD": Decimal(60_000), "ETH-USD": Decimal(3000)}
    assert adds_up(one, prices) is plausible


def test_oracle_prices_are_read_whole() -> None:
    """A market without a price yet is left out; anything else that is odd fails the whole."""
    market = {"ticker": "BTC-USD", "oraclePrice": "118976.5376"}
    new = {"ticker": "NEW-USD", "oraclePrice": None}
    assert read_oracle_prices({"markets": {"BTC-USD": market, "NEW-USD": new}}) == {"BTC-USD": Decimal("118976.5376")}
    odd: list[object] = [
        None,
        {},
        {"markets": []},
        {"markets": {"BTC-USD": None}},
        {"markets": {"ETH-USD": market}},
        {"markets": {"BTC-USD": {**market, "oraclePrice": "0"}}},
        {"markets": {"BTC-USD": {**market, "oraclePrice": "-1"}}},
        {"markets": {"BTC-USD": {**market, "oraclePrice": "NaN"}}},
    ]
    for content in odd:
        with pytest.raises(ExchangeFailureError) as caught:
            read_oracle_prices(content)
        assert caught.value.failure is FailureClass.BAD_DATA


def test_a_height_may_lag_by_r_and_stand_for_some_seconds() -> None:
    """Behind one of several servers a block or two may be missing; more is no present."""
    heights = Heights(lag_seconds=2.0)
    assert heights.judge(None, 0) is None
    assert heights.judge(100, 0) is None
    assert heights.judge(97, 1 * SECOND) is None
    assert heights.judge(96, 1 * SECOND) == Rejected(UnknownReason.STALE, "height_went_back")
    assert heights.judge(100, 32 * SECOND) is None
    assert heights.judge(100, 32 * SECOND + 1) == Rejected(UnknownReason.STALE, "height_stands")
    assert heights.judge(101, 33 * SECOND) is None
    assert heights.judge(101, 65 * SECOND) is None


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (
            {"errors": [{"msg": "No subaccount found with address x"}]},
            Verdict(FailureClass.CONFIGURATION, "no_subaccount"),
        ),
        ({"errors": [{"code": "GEOBLOCKED", "msg": "x"}]}, Verdict(FailureClass.CONFIGURATION, "geoblocked")),
        (
            {"errors": ["x", {"msg": "Too many requests"}]},
            Verdict(FailureClass.RATE_LIMIT, "too_many_requests"),
        ),
        ({"errors": "x"}, None),
        ({"subaccount": {}}, None),
        ([], None),
    ],
)
def test_errors_that_the_status_does_not_tell(content: object, verdict: Verdict | None) -> None:
    """Two have names of their own; of the others the status says enough."""
    assert explain(content) == verdict
