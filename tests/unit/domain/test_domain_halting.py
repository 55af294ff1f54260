"""Which losses ask for a halt, which add to it, and what is remembered of it."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, Kind, Severity, State
from reconcile_actors.domain.halting import IDS_MAX, HaltRecord, Halts, Step, halts_of, standing_of
from reconcile_actors.domain.losses import Loss

LIMIT = Decimal(1000)


def loss(amount: str, currency: str = "USD", field: Field = Field.TOTAL, withdrawn: str = "0") -> tuple[Loss, Decimal]:
    """A loss that is ripe as a whole, worth a dollar a unit."""
    size = Decimal(amount)
    one = BalanceDiscrepancy(
        id=f"a:spot:{currency}:{field}:1",
        exchange="a",
        wallet="spot",
        currency=currency,
        field=field,
        episode=1,
        kind=Kind.MISMATCH,
        severity=Severity.WARNING,
        local=Decimal(0),
        exchange_value=Decimal(0),
        difference=-size,
        value_usd=size,
        tolerance=Decimal(0),
        cause="unexplained",
        state=State.CONFIRMED,
        detected_at=1,
    )
    return Loss(one, size, Decimal(withdrawn)), size


def weighed(halts: Halts, *losses: tuple[Loss, Decimal], at: int = 1) -> tuple[str, HaltRecord] | None:
    """What they ask for."""
    return halts.weigh(losses, at)


def test_a_sum_of_small_losses_is_large_and_positions_are_no_part_of_it() -> None:
    """What is held in several currencies adds up; how far positions differ does not."""
    small = loss("600"), loss("600", "BTC/USD:USD", Field.POSITION)
    assert weighed(Halts("a", LIMIT), *small) is None
    found = weighed(Halts("a", LIMIT), *small, loss("400", "ETH"))
    assert found is not None
    assert found[1].halt.discrepancies == ("a:spot:USD:total:1", "a:spot:ETH:total:1")


def test_the_largest_names_the_halt_and_its_reason() -> None:
    """The first id is the halt's, whatever the order in which the losses come."""
    halts = Halts("a", LIMIT)
    found = weighed(halts, loss("2000"), loss("3000", "ETH", withdrawn="2000"))
    assert found is not None
    assert found[0] is Step.REQUESTED
    assert (found[1].halt.id, found[1].halt.reason) == ("a:halt:spot:ETH:total:1", "unreported_withdrawal")
    assert halts.standing == found[1]
    position = weighed(Halts("a", LIMIT), loss("2000", "BTC/USD:USD", Field.POSITION))
    assert position is not None
    assert position[1].halt.reason == "position_differs"


def test_a_halt_names_so_many_and_no_more() -> None:
    """Bounded, and what finds no room asks for nothing again and again."""
    halts = Halts("a", LIMIT)
    many = [loss("2000", f"C{number:03}") for number in range(IDS_MAX + 5)]
    found = weighed(halts, *many)
    assert found is not None
    assert len(found[1].halt.discrepancies) == len(found[1].told) == IDS_MAX
    assert weighed(halts, *many) is None
    grown = weighed(halts, *many[:-1], loss("9000", "C000"))
    assert grown is not None
    assert (grown[0], grown[1].told["a:spot:C000:total:1"]) == (Step.EXTENDED, Decimal(9000))


def test_the_stored_form_is_read_back() -> None:
    """Every field, and amounts to the last digit; the oldest first."""
    halts = Halts("a", LIMIT)
    (_, first) = weighed(halts, loss("2000.000000000000000001"), at=5) or (None, None)
    assert first is not None
    acknowledged = halts.acknowledge(first, 6)
    released = halts.release(acknowledged, "root", 7)
    (_, second) = weighed(halts, loss("9000"), at=8) or (None, None)
    assert second is not None
    other = HaltRecord(second.halt, second.told)
    control = {one.key: one.text() for one in (second, released)} | {"paused:a": "why"}
    assert halts_of(control) == (released, other)
    assert standing_of(control) == (second.halt,)
    assert halts_of(control, "b") == ()


amounts = st.integers(0, 4000).map(str)


@given(st.lists(st.tuples(amounts, amounts, st.sampled_from(["", "release", "acknowledge"])), max_size=30))
def test_whatever_comes_there_is_one_halt_and_nothing_is_told_twice(steps: list[tuple[str, str, str]]) -> None:
    """At most one stands; the same losses weighed again ask for nothing; ids are never given twice; a halt is asked for
    whenever a loss exceeds what was told by the limit."""
    halts, ids = Halts("a", LIMIT), []
    for number, (usd, eth, then) in enumerate(steps):
        losses = [one for one in (loss(usd), loss(eth, "ETH")) if one[1]]
        asked = 0
        while (found := halts.weigh(losses, number)) is not None:
            asked += 1
            assert asked <= 3  # a halt, and each of the two eased
            if found[0] is Step.REQUESTED:
                ids.append(found[1].halt.id)
        told = {id_: amount for one in halts.records.values() for id_, amount in one.told.items()}
        for one, amount in losses:
            assert amount - told.get(one.id, Decimal(0)) < LIMIT
        assert sum(one.halt.released_at is None for one in halts.records.values()) <= 1
        standing = halts.standing
        if standing is not None and then:
            halts.release(standing, "root", number) if then == "release" else halts.acknowledge(standing, number)
    assert len(ids) == len(set(ids))
