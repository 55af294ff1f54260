"""The JSON form of messages and values."""

import contextlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile_actors.messages import Accepted, Recorded, Rejected, SetBalances, commands, records
from reconcile_actors.messages.base import Message
from reconcile_actors.messages.wire import MessageError, iso, message_of, parse_message, to_datetime, to_json, to_us

# The lines of the public contract, word for word; times are filled in.
CONTRACT = """
{"type":"RecordFill","exchange":"kraken-main","id":"T1","order_id":"O1","symbol":"BTC/USDT","side":"buy","quantity":"0.5","price":"60000","fee_currency":"USDT","fee":"30","occurred_at":"2026-01-01T00:00:00.000001Z"}
{"type":"RecordFee","exchange":"a","id":"1","currency":"BNB","amount":"-0.01"}
{"type":"RecordTransfer","exchange":"a","id":"1","currency":"USDT","amount":"-250","counterparty":"binance-main"}
{"type":"RecordFunding","exchange":"a","id":"1","symbol":"BTC/USDC:USDC","currency":"USDC","amount":"-1.25"}
{"type":"RecordReward","exchange":"a","id":"1","currency":"ETH","amount":"0.001"}
{"type":"OpenOrder","exchange":"a","order_id":"O1","symbol":"BTC/USDT","side":"buy","quantity":"0.5","price":"60000"}
{"type":"CloseOrder","exchange":"a","order_id":"O1"}
{"type":"SetBalances","exchange":"a","version":17,"wallet":"spot","as_of":"2026-01-01T00:00:00Z","includes_through":"2026-01-01T00:00:00Z","balances":[{"currency":"BTC","total":"1.5","available":"1.5","locked":"0"}]}
{"type":"LocalWatermark","exchange":"a","through":"2026-01-01T00:00:00Z"}
{"type":"SetPositions","exchange":"a","version":17,"positions":[{"symbol":"BTC/USDC:USDC","quantity":"-0.25"}]}
""".strip().splitlines()
COMMANDS = """
{"type":"ReconcileNow","exchange":"a"}
{"type":"ReconcileAll"}
{"type":"PauseExchange","exchange":"a","reason":"why","claimed_by":"alice"}
{"type":"ResumeExchange","exchange":"a"}
{"type":"GetPortfolio"}
{"type":"GetStatus"}
{"type":"GetDiscrepancies","id":"x","include_closed":true}
{"type":"GetHalts","exchange":"a"}
{"type":"GetProposals","exchange":"a"}
{"type":"ApproveResolution","exchange":"a","id":"a:spot:BTC:total:1","reason":"seen","claimed_by":"alice"}
{"type":"RejectResolution","exchange":"a","id":"a:spot:BTC:total:1","reason":"not ours"}
{"type":"OverrideResolution","exchange":"a","id":"a:spot:BTC:total:1","action":"adopt","reason":"an airdrop"}
{"type":"IgnoreDiscrepancy","exchange":"a","id":"a:spot:BTC/USDC:USDC:position:1","reason":"expected"}
{"type":"AcknowledgeAdjustment","exchange":"a","id":"a:adjustment:spot:BTC:total:1"}
{"type":"AcknowledgeHalt","exchange":"a","id":"a:halt:spot:BTC:total:1"}
{"type":"ReleaseHalt","exchange":"a","id":"a:halt:spot:BTC:total:1","reason":"dealt with","claimed_by":"alice"}
""".strip().splitlines()
FILL: dict[str, Any] = json.loads(CONTRACT[0])


def without_actor(document: dict[str, Any]) -> dict[str, Any]:
    """The form that is accepted: who sends is not for the message to say."""
    return {key: value for key, value in document.items() if key != "actor"}


@pytest.mark.parametrize("line", CONTRACT + COMMANDS, ids=lambda line: json.loads(line)["type"])
def test_every_documented_line_is_read_and_written_back(line: str) -> None:
    """What is read, written and read again is the same message: the store rebuilds books from this form."""
    message = parse_message(line)
    assert message.type == json.loads(line)["type"]
    assert parse_message(json.dumps(without_actor(to_json(message)))) == message


def test_every_message_that_may_be_told_is_among_them() -> None:
    """No record and no command is left untried."""
    told = {json.loads(line)["type"] for line in CONTRACT + COMMANDS}
    assert told >= {one.__name__ for one in records.RECORDS}
    assert told >= {
        name
        for name, one in vars(commands).items()
        if isinstance(one, type) and issubclass(one, Message) and one.__module__ == commands.__name__ and name[0] != "_"
    }


amounts = st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**20), max_value=10**20)
instants = st.integers(0, 4_000_000_000_000_000).map(to_datetime)


@given(
    st.lists(st.tuples(st.sampled_from(["BTC", "USD", "ETH.F"]), amounts), unique_by=lambda row: row[0]),
    instants,
    st.none() | st.integers(0, 2**53 - 1),
)
def test_statements_survive_the_wire(rows: list[tuple[str, Decimal]], at: datetime, version: int | None) -> None:
    """Nested parts, amounts and times come back exactly (I2)."""
    balances = tuple(records.StatedBalance(currency=currency, total=total) for currency, total in rows)
    statement = SetBalances(exchange="a", version=version, balances=balances, as_of=at)
    assert parse_message(json.dumps(to_json(statement))) == statement


@given(instants)
def test_times_are_exact_to_the_microsecond(at: datetime) -> None:
    """No float stands between a datetime and its microseconds."""
    assert to_datetime(to_us(at)) == at
    assert datetime.fromisoformat(iso(to_us(at))) == at


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"type": "RecordFil"}, "unknown type; known: .*RecordFill"),
        ({"type": 7}, "unknown type"),
        ({"quantity": 0.5}, "write amounts as strings"),
        ({"quantity": "x"}, "quantity: not_a_number"),
        ({"quantity": "NaN"}, "quantity: not_finite"),
        ({"quantity": "0"}, "quantity: must be greater than zero"),
        ({"price": "-1"}, "price: must not be negative"),
        ({"quantity": "1e40"}, "quantity: too_large"),
        ({"quantity": "0." + "1" * 40}, "quantity: too_precise"),
        ({"fee": None}, "fee and fee_currency go together"),
        ({"occurred_at": "2026-01-01T00:00:00"}, "the time needs a zone"),
        ({"occurred_at": "2026-01-01"}, "occurred_at: write the time as text, in UTC"),
        ({"occurred_at": 1767225600}, "occurred_at: write the time as text, in UTC"),
        ({"occurred_at": "1767225600"}, "occurred_at: write the time as text, in UTC"),
        ({"occurred_at": True}, "occurred_at: write the time as text, in UTC"),
        ({"extra": 1}, "extra: Extra inputs"),
        ({"exchange": "../x"}, "exchange: "),
        ({"id": "a b"}, "id: "),
        ({"side": "hold"}, "side: "),
        ({"actor": "root"}, "claimed_by"),
    ],
)
def test_wrong_lines_say_what_is_wrong(change: dict[str, Any], text: str) -> None:
    """The reason names the field and what would be right."""
    with pytest.raises(MessageError, match=text):
        parse_message(json.dumps(FILL | change))


@pytest.mark.parametrize("version", ["7", True, "", "x", -1, 2**53])
@pytest.mark.parametrize("line", [CONTRACT[7], CONTRACT[9]])
def test_a_version_is_a_whole_number(line: str, version: object) -> None:
    """Text that looks like one, or a truth value, takes no place in the order of statements."""
    with pytest.raises(MessageError, match="version: "):
        parse_message(json.dumps(json.loads(line) | {"version": version}))


@pytest.mark.parametrize("flag", ["maybe", "true", 1])
def test_a_flag_is_true_or_false(flag: object) -> None:
    """Nothing else is taken for one of them."""
    with pytest.raises(MessageError, match="include_closed: "):
        parse_message(json.dumps({"type": "GetDiscrepancies", "include_closed": flag}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "not a JSON object"),
        ("7", "not a JSON object"),
        ('{"type":"RecordFill","amount":NaN}', "write amounts as strings"),
        ('{"type":"RecordFee","amount":"1","amount":"2"}', "a key stands twice"),
        ('{"type":"RecordFee","id":' + "9" * 5000 + "}", "not valid JSON"),
    ],
)
def test_what_is_no_message_is_refused(text: str | bytes, reason: str) -> None:
    """Any text at all ends as a message or as a MessageError."""
    with pytest.raises(MessageError, match=reason):
        parse_message(text)


@given(st.text() | st.binary())
def test_no_text_breaks_the_reader(text: str | bytes) -> None:
    """Nothing but MessageError is raised."""
    with contextlib.suppress(MessageError):
        parse_message(text)


def test_a_reason_echoes_no_value() -> None:
    """Amounts and keys do not come back in errors (I7)."""
    with pytest.raises(MessageError) as caught:
        message_of(FILL | {"quantity": "12345.678x", "id": "S3CRET KEY"})
    assert "12345" not in str(caught.value)
    assert "S3CRET" not in str(caught.value)


def test_versions_are_ordered_and_stated_once() -> None:
    """A statement needs its version (null is said, never left out), and names each currency and symbol once."""
    statement = json.loads(CONTRACT[7])
    assert message_of(statement | {"version": None}) == message_of(statement).model_copy(update={"version": None})
    twice = {"balances": statement["balances"] * 2}
    positions = json.loads(CONTRACT[9])
    for wrong, text in (
        ({key: value for key, value in statement.items() if key != "version"}, "version: Field required"),
        (statement | {"version": -1}, "version"),
        (statement | twice, "a currency is stated twice"),
        (positions | {"positions": positions["positions"] * 2}, "a symbol is stated twice"),
    ):
        with pytest.raises(MessageError, match=text):
            message_of(wrong)


def test_values_become_json() -> None:
    """Amounts as plain strings, sets and paths as lists and text-free values, outcomes with their type."""
    assert to_json(Decimal("1.500")) == "1.5"
    assert to_json(Decimal("1E+3")) == "1000"
    assert to_json({Decimal(1): frozenset({Decimal(2)})}) == {"1": ["2"]}
    assert to_json(Recorded(status="refused", reason="x")) == {"type": "Recorded", "status": "refused", "reason": "x"}
    assert to_json((Accepted(), Rejected(reason="full")))[1]["reason"] == "full"
    assert to_json(None) is None
    assert to_json(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000000Z"


def test_python_callers_may_not_use_floats() -> None:
    """What a float held is lost already, so it is refused before it becomes money (I2)."""
    with pytest.raises(ValueError, match="a float has already lost digits"):
        records.StatedBalance(currency="BTC", total=0.1)  # type: ignore[arg-type]  # the point of the test


def test_messages_are_frozen() -> None:
    """They are shared between threads."""
    with pytest.raises(ValueError, match="frozen"):
        Accepted().extra = 1  # type: ignore[attr-defined]  # the point of the test
