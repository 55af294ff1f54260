"""The switchboard, the wrong contents, the call counter: everything that needs no server."""

import json
from decimal import Decimal

import pytest
from simulation_client import Clock

from reconcile_actors.simulation import Fault, FaultOptions, Tier
from reconcile_actors.simulation.faults import Faults, Injected, RequestLog, RequestRecord
from reconcile_actors.simulation.json_text import rendered
from reconcile_actors.simulation.kraken.limits import CallCounter
from reconcile_actors.simulation.kraken.mutations import bent

EXTENDED = {
    "ZUSD": {"balance": "25435.2100", "hold_trade": "8249.7600"},
    "XXBT": {"balance": "1.2435000000", "hold_trade": "0.8423000000"},
}
PLAIN = {"ZUSD": "25435.2100", "XXBT": "1.2435000000"}
LEDGER = {"ledger": {"L1": {"amount": "-1.5000", "asset": "ZUSD", "fee": "0.0010", "time": 1.5}}, "count": 1}


def kinds(taken: tuple[Injected, ...]) -> list[Fault]:
    return [each.fault for each in taken]


def test_next_counts_requests_of_its_endpoint():
    """Two requests of that endpoint suffer it; others do not count."""
    faults = Faults(Clock())
    faults.next("BalanceEx", Fault.HTML, times=2)
    assert kinds(faults.take("Ledgers", "main")) == []
    assert [kinds(faults.take("BalanceEx", "main")) for _ in range(3)] == [[Fault.HTML], [Fault.HTML], []]


def test_during_ends_with_its_time():
    """The last instant is outside."""
    clock = Clock()
    faults = Faults(clock)
    faults.during("*", Fault.HTTP_503, 2)
    clock.advance(1.9)
    assert kinds(faults.take("Time", None)) == [Fault.HTTP_503]
    clock.advance(0.1)
    assert kinds(faults.take("Time", None)) == []


def test_always_lasts_until_cleared():
    """Clearing is by endpoint, by kind, or of all, and tells its listeners."""
    faults, cleared = Faults(Clock()), []
    faults.on_clear(lambda: cleared.append(True))
    faults.always("A", Fault.SLOW)
    faults.always("A", Fault.STALE)
    faults.always("B", Fault.SLOW)
    assert kinds(faults.take("A", None)) == [Fault.SLOW, Fault.STALE]
    faults.clear("A", Fault.SLOW)
    assert kinds(faults.take("A", None)) == [Fault.STALE]
    faults.clear("A")
    assert kinds(faults.take("A", None)) == []
    assert kinds(faults.take("B", None)) == [Fault.SLOW]
    faults.clear()
    assert kinds(faults.take("B", None)) == []
    assert cleared == [True] * 3


def test_a_fault_can_be_for_one_user():
    """Others on the same endpoint are spared."""
    faults = Faults(Clock())
    faults.always("BalanceEx", Fault.BAD_KEY, user="second")
    assert kinds(faults.take("BalanceEx", "main")) == []
    assert kinds(faults.take("BalanceEx", "second")) == [Fault.BAD_KEY]


def test_the_request_log_is_bounded():
    """Only the last requests are kept; the total counts all."""
    log = RequestLog(limit=2)
    for name in ("A", "B", "A"):
        log.add(RequestRecord(1.0, name, None, (), {}))
    assert [record.endpoint for record in log] == ["B", "A"]
    assert (len(log), log.total, len(log.of("A"))) == (2, 3, 1)
    log.clear()
    assert len(log) == 0


@pytest.mark.parametrize(
    ("fault", "options", "expected"),
    [
        (Fault.NULL_LEGS, FaultOptions(), {code: {"balance": None, "hold_trade": None} for code in EXTENDED}),
        (
            Fault.NULL_LEGS,
            FaultOptions(row="XXBT", leg="hold_trade"),
            {**EXTENDED, "XXBT": {"balance": "1.2435000000", "hold_trade": None}},
        ),
        (
            Fault.ZEROED,
            FaultOptions(),
            {
                "ZUSD": {"balance": "0.0000", "hold_trade": "0.0000"},
                "XXBT": {"balance": "0.0000000000", "hold_trade": "0.0000000000"},
            },
        ),
        (Fault.MISSING_ROW, FaultOptions(row="XXBT"), {"ZUSD": EXTENDED["ZUSD"]}),
        (Fault.MISSING_ROW, FaultOptions(), {"XXBT": EXTENDED["XXBT"]}),
        (
            Fault.SKEWED,
            FaultOptions(row="XXBT", amount=Decimal("-0.5")),
            {**EXTENDED, "XXBT": {"balance": "0.7435000000", "hold_trade": "0.8423000000"}},
        ),
        (
            Fault.NON_FINITE,
            FaultOptions(row="XXBT", leg="balance", value="Infinity"),
            {**EXTENDED, "XXBT": {"balance": "Infinity", "hold_trade": "0.8423000000"}},
        ),
        (Fault.HUGE, FaultOptions(leg="balance"), {**EXTENDED, "ZUSD": {"balance": "1e30", "hold_trade": "8249.7600"}}),
    ],
)
def test_wrong_content_of_balances(fault, options, expected):
    """Each fault bends the row and leg it names, and nothing else; the input stays as it was."""
    before = json.dumps(EXTENDED)
    assert bent(EXTENDED, Injected(fault, options)) == expected
    assert json.dumps(EXTENDED) == before


def test_forty_decimals_keep_the_value_s_own_digits():
    """The true digits stand first, made-up ones follow."""
    row = bent(EXTENDED, Injected(Fault.FORTY_DECIMALS, FaultOptions(row="XXBT", leg="balance")))["XXBT"]
    assert row["balance"].startswith("1.2435000000")
    assert len(row["balance"].partition(".")[2]) == 40


def test_plain_balances_are_bent_as_well():
    """In Balance the row itself is the leg."""
    assert bent(PLAIN, Injected(Fault.ZEROED, FaultOptions())) == {"ZUSD": "0.0000", "XXBT": "0.0000000000"}
    collided = bent(PLAIN, Injected(Fault.COLLIDING_CODES, FaultOptions()))
    assert collided["XXBT"] == "1.2435000000"
    assert {"XBT", "XREP", "REPV2"} <= set(collided)


def test_colliding_codes_take_the_shape_of_their_neighbours():
    """Extended rows collide as extended rows, and an empty answer as plain ones."""
    collided = bent(EXTENDED, Injected(Fault.COLLIDING_CODES, FaultOptions()))
    assert collided["XBT"] == {"balance": "0.2000000000", "hold_trade": "0.0000000000"}
    assert bent({}, Injected(Fault.COLLIDING_CODES, FaultOptions()))["XBT"] == "0.2000000000"


def test_histories_are_bent_inside_their_table():
    """The count beside the table stays, as it does when an exchange loses a row."""
    assert bent(LEDGER, Injected(Fault.MISSING_ROW, FaultOptions())) == {"ledger": {}, "count": 1}
    row = bent(LEDGER, Injected(Fault.NULL_LEGS, FaultOptions()))["ledger"]["L1"]
    assert row == {"amount": None, "asset": "ZUSD", "fee": None, "time": 1.5}


def test_json_numbers_are_written_digit_by_digit():
    """No float stands between the amount and the wire, and a bare NaN can be sent."""
    number = Injected(Fault.JSON_NUMBERS, FaultOptions())
    assert '{"balance": 25435.2100, "hold_trade": 8249.7600}' in rendered({"result": bent(EXTENDED, number)})
    bare = bent(bent(EXTENDED, Injected(Fault.NON_FINITE, FaultOptions(leg="balance"))), number)
    assert '"balance": NaN' in rendered(bare)


def test_what_is_not_an_amount_or_a_table_stays():
    """Faults of other kinds, lists, and rows that are no amounts are left alone."""
    zero = Injected(Fault.ZEROED, FaultOptions())
    assert bent(EXTENDED, Injected(Fault.HTML, FaultOptions())) == EXTENDED
    assert bent(["a"], zero) == ["a"]
    assert bent({"unixtime": 5, "status": "online"}, zero) == {"unixtime": 5, "status": "online"}


@pytest.mark.parametrize(
    ("tier", "burst", "per_10_s"), [(Tier.STARTER, 15, 3), (Tier.INTERMEDIATE, 20, 5), (Tier.PRO, 20, 10)]
)
def test_the_call_counter_fills_and_decays(tier, burst, per_10_s):
    """A burst up to the maximum is admitted, then what has decayed; refused calls add nothing."""
    counter = CallCounter(tier)
    assert sum(counter.admit(1, 100.0) for _ in range(40)) == burst
    assert sum(counter.admit(1, 110.0) for _ in range(40)) == per_10_s
    assert counter.admit(2, 1_000_000.0)
