"""When an answer with fewer rows is incomplete, and when it is what the exchange means."""

from reconcile_actors.exchanges.presence import AGREEMENT_US, Presence

ALL = {"A", "B", "C"}
LESS = {"A", "B"}


def test_the_first_answer_is_the_measure() -> None:
    """Before any answer nothing can be missing; more rows are never too few."""
    presence = Presence()
    assert presence.believes(LESS, 1, 0)
    assert presence.believes(ALL, 1, 0)
    assert not presence.doubtful


def test_a_row_that_has_gone_is_not_believed() -> None:
    """A shorter answer is incomplete, however often one connection repeats it."""
    presence = Presence()
    presence.believes(ALL, 1, 0)
    for now in range(0, 10 * AGREEMENT_US, AGREEMENT_US):
        assert not presence.believes(LESS, 1, now)
    assert presence.doubtful


def test_two_connections_over_ten_seconds_are_believed() -> None:
    """The same set of rows on two connections over ten seconds becomes the new measure."""
    presence = Presence()
    presence.believes(ALL, 1, 0)
    assert not presence.believes(LESS, 2, 0)
    assert not presence.believes(LESS, 3, AGREEMENT_US - 1)
    assert presence.believes(LESS, 4, AGREEMENT_US)
    assert not presence.doubtful
    assert presence.believes(LESS, 4, AGREEMENT_US)


def test_other_rows_start_the_agreement_anew() -> None:
    """Answers that disagree with each other never become believed."""
    presence = Presence()
    presence.believes(ALL, 1, 0)
    assert not presence.believes({"A", "B"}, 2, 0)
    assert not presence.believes({"A", "C"}, 3, AGREEMENT_US)
    assert not presence.believes({"A", "B"}, 4, 2 * AGREEMENT_US)


def test_a_whole_answer_ends_the_doubt() -> None:
    """When the row is back, an earlier shorter answer no longer counts."""
    presence = Presence()
    presence.believes(ALL, 1, 0)
    assert not presence.believes(LESS, 2, 0)
    assert presence.believes(ALL, 2, 1)
    assert not presence.doubtful
    assert not presence.believes(LESS, 3, AGREEMENT_US)


def test_settling_ends_the_doubt() -> None:
    """An answer known byte for byte ends it too."""
    presence = Presence()
    presence.believes(ALL, 1, 0)
    presence.believes(LESS, 2, 0)
    presence.settle()
    assert not presence.doubtful
