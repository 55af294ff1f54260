"""Whatever a server says, the gate gives every row of it or a reason: never a part, never a zero that nobody wrote (I1)."""

import json
from decimal import Decimal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconcile_actors.exchanges.decoding import decode
from reconcile_actors.exchanges.kraken.shape import raw_rows, read_rows
from reconcile_actors.exchanges.rows import Rejected, content_of

ASSETS = st.sampled_from(["XXBT", "XBT", "ZUSD", "XBT.F", "ETH2.S", "XREP", "REPV2", "USDT", "", ".", "a b", "KFEE"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["1", "0.10", "-1", "1e5", "NaN", "Infinity", "1e30", "0." + "0" * 39 + "1", "0x1", "\u0661"])
)
GARBAGE = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "result", "balance", "hold_trade", "x"]) | ASSETS, inner, max_size=4
        )
    ),
    max_leaves=12,
)
AMOUNTS = st.decimals(min_value=0, max_value=10**12, places=10, allow_nan=False, allow_infinity=False)
ROWS = st.dictionaries(
    st.from_regex(r"\A[A-Z]{3,5}(\.[FSM])?\Z"), st.tuples(AMOUNTS, st.decimals(0, 1, places=3)), max_size=8
)


def written(rows: dict[str, tuple[Decimal, Decimal]]) -> dict[str, dict[str, str]]:
    return {
        asset: {"balance": format(total, "f"), "hold_trade": format(total * share, "f")}
        for asset, (total, share) in rows.items()
    }


@settings(max_examples=400, deadline=None, print_blob=True)
@given(GARBAGE)
@example({"error": [], "result": {"XXBT": {"balance": "1", "hold_trade": None}}})
def test_garbage_is_never_half_believed(content: object) -> None:
    """Any JSON at all gives a reason, or as many rows as the answer has, each leg worth exactly what was written."""
    decoded = decode(json.dumps(content))
    rows = read_rows(decoded)
    if isinstance(rows, Rejected):
        assert rows.detail.replace("_", "").isalpha()
        return
    raw = raw_rows(decoded)
    assert rows.keys() == raw.keys()
    for asset, row in rows.items():
        legs = raw[asset]
        assert isinstance(legs, dict)
        assert row.total == Decimal(str(legs["balance"]))
        assert row.locked == Decimal(str(legs["hold_trade"]))


@settings(max_examples=200, deadline=None, print_blob=True)
@given(ROWS, st.data())
def test_one_bad_row_spoils_the_answer(rows: dict[str, tuple[Decimal, Decimal]], data: st.DataObject) -> None:
    """In a good answer, one row replaced by garbage is refused, or read as exactly what it says."""
    good = written(rows)
    answer: dict[str, object] = {**good, data.draw(ASSETS): data.draw(GARBAGE)}
    read = read_rows(decode(json.dumps({"error": [], "result": answer})))
    if not isinstance(read, Rejected):
        assert read.keys() == answer.keys()


@settings(max_examples=200, deadline=None, print_blob=True)
@given(ROWS)
def test_good_answers_are_believed_whole(rows: dict[str, tuple[Decimal, Decimal]]) -> None:
    """Well-formed rows without a collision are all believed, and every wallet's rows reach the content."""
    answer = written(rows)
    read = read_rows(decode(json.dumps({"error": [], "result": answer})))
    if isinstance(read, Rejected):
        assert read.detail == "two_assets_one_currency"
        return
    assert len(read) == len(answer)
    wallets = frozenset(row.place.wallet for row in read.values())
    content = content_of(list(read.values()), wallets)
    assert len(content.balances) == len(answer)
    for balance in content.balances.values():
        assert balance.total is not None
        assert balance.available is not None
        assert balance.locked is not None
        assert balance.total == balance.available + balance.locked


@settings(max_examples=200, deadline=None, print_blob=True)
@given(ROWS, st.integers(min_value=0))
def test_a_cut_answer_is_never_believed(rows: dict[str, tuple[Decimal, Decimal]], cut: int) -> None:
    """An answer that ends anywhere before its end gives nothing."""
    text = json.dumps({"error": [], "result": written(rows)})
    try:
        decoded = decode(text[: cut % len(text)])
    except ValueError:
        return
    assert isinstance(read_rows(decoded), Rejected)
