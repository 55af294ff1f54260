"""Whose transactions are asked for: what changed, what is pending, and all others in turn."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile_actors.exchanges.coinbase.asks import AGAIN_US, ASKS_A_READ, LATE_US, Asks

D = Decimal
SECOND = 1_000_000
NOW = 1_700_000_000 * SECOND


def totals(**amounts: int) -> dict[str, Decimal]:
    return {uuid: D(amount) for uuid, amount in amounts.items()}


def took(asks: Asks, uuids: list[str], at: int) -> None:
    for uuid in uuids:
        asks.took(uuid, at, has_pending=False)


def test_at_first_all_that_hold_something() -> None:
    """Then the empty ones as far as there is room; the look reaches only as far as all with a balance have been read."""
    held = {f"h{n}": D(1) for n in range(ASKS_A_READ + 2)}
    asks, empty = Asks(), {"e1": D(0), "e2": D(0)}
    first = asks.look({**empty, **held}, NOW)
    assert first[:ASKS_A_READ] == list(held)[:ASKS_A_READ]
    assert asks.through(NOW - SECOND, NOW, first) == NOW - SECOND
    took(asks, first, NOW)
    second = asks.look({**empty, **held}, NOW + LATE_US * 2)
    assert set(held) - set(first) <= set(second)
    assert set(second) & set(empty)
    assert asks.through(NOW - SECOND, NOW + LATE_US * 2, second) == NOW + LATE_US * 2


def test_what_changed_is_asked_for_a_minute() -> None:
    """At once, and again until rows that are listed late must have come."""
    asks = Asks()
    took(asks, asks.look(totals(a=1, b=1), NOW), NOW)
    at = NOW + 5 * LATE_US
    took(asks, asks.look(totals(a=1, b=1), at), at)
    assert asks.look(totals(a=2, b=1), at + AGAIN_US) == ["a", "b"]
    took(asks, ["a"], at + AGAIN_US)
    assert asks.look(totals(a=2, b=1), at + AGAIN_US + SECOND) == []
    assert asks.look(totals(a=2, b=1), at + LATE_US) == ["a", "b"]
    took(asks, ["a"], at + LATE_US)
    assert len(asks.look(totals(a=2, b=1), at + AGAIN_US + LATE_US + 1)) == 1


def test_a_change_that_was_not_read_is_not_forgotten() -> None:
    """However long looks fail, what changed stays due, and is not told of."""
    asks = Asks()
    took(asks, asks.look(totals(a=1), NOW), NOW)
    for minutes in range(1, 10):
        assert asks.look(totals(a=2), NOW + minutes * LATE_US) == ["a"]
    assert not asks.is_told("a", [])
    assert asks.is_told("a", ["a"])
    assert asks.through(NOW, NOW + LATE_US, []) == NOW


def test_what_is_pending_is_followed() -> None:
    """Until it is no longer pending."""
    asks = Asks()
    asks.look(totals(a=1, b=1), NOW)
    asks.took("a", NOW, has_pending=True)
    asks.took("b", NOW, has_pending=False)
    later = NOW + 10 * LATE_US
    assert asks.look(totals(a=1, b=1), later)[0] == "a"
    asks.took("a", later, has_pending=False)
    assert len(asks.look(totals(a=1, b=1), later + AGAIN_US)) == 1


def test_what_was_not_read_far_enough_back_is_asked_again() -> None:
    """A look that wants more than was covered asks for it, whatever has or has not changed."""
    asks = Asks()
    took(asks, asks.look(totals(a=1, b=1, c=1), NOW), NOW)
    assert asks.look(totals(a=1, b=1, c=1), NOW + 5 * LATE_US, ["a", "b"])[:2] == ["a", "b"]
    assert asks.through(NOW, NOW + 5 * LATE_US, ["a"]) == NOW


def test_everyone_has_a_turn() -> None:
    """Accounts that stand still are asked one after the other; one that is gone is forgotten."""
    asks = Asks()
    still = totals(a=1, b=1, c=1)
    took(asks, asks.look(still, NOW), NOW)
    at, turns = NOW + 2 * LATE_US, []
    for _ in range(6):
        at += AGAIN_US
        (one,) = asks.look(still, at)
        took(asks, [one], at)
        turns.append(one)
    assert sorted(turns) == ["a", "a", "b", "b", "c", "c"]
    assert asks.look(still, at + 1) == []  # looks that follow each other closely take no turns
    assert asks.look(totals(a=1), at + AGAIN_US) == ["a"]
    assert asks.look({}, at + 2 * AGAIN_US) == []


@settings(max_examples=100, deadline=None, print_blob=True)
@given(st.lists(st.tuples(st.integers(0, 11), st.booleans()), max_size=60))
def test_no_change_is_ever_hidden(steps: list[tuple[int, bool]]) -> None:
    """Over any changes and failed looks: what `through` claims covers every change of every account that was not read since."""
    asks, amounts, at = Asks(), {f"a{n}": D(1) for n in range(12)}, NOW
    changed = dict.fromkeys(amounts, NOW)
    read = dict.fromkeys(amounts, 0)
    for which, fails in steps:
        at += SECOND
        amounts[f"a{which}"] += 1
        changed[f"a{which}"] = at
        asked = asks.look(dict(amounts), at)
        through = asks.through(NOW, at, asked)
        for uuid in amounts:
            unread = uuid not in asked and read[uuid] < changed[uuid]
            assert not unread or through <= max(NOW, read[uuid])
        if not fails:
            took(asks, asked, at)
            read.update(dict.fromkeys(asked, at))
