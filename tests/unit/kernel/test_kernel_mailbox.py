"""The mailbox by itself."""

from __future__ import annotations

import pytest

from reconcile_actors.kernel.envelope import Envelope
from reconcile_actors.kernel.mailbox import Mailbox, Signal


def envelope(message: object) -> Envelope:
    return Envelope(message, "to", None, "c", None, "m")


def test_first_in_first_out_up_to_the_bound() -> None:
    """Messages come out in their order; past the bound they are refused unless exempt."""
    mailbox = Mailbox(2)
    first, second, third = envelope(1), envelope(2), envelope(3)
    assert mailbox.take() is None
    assert [mailbox.offer(each) for each in (first, second, third)] == [None, None, "full"]
    assert mailbox.offer(third, exempt=True) is None
    assert len(mailbox) == 3
    assert [mailbox.take(), mailbox.wait(), mailbox.take()] == [first, second, third]


def test_a_stop_comes_first_and_once() -> None:
    """A stop overtakes what waits, and asking twice is asking once."""
    mailbox = Mailbox(2)
    mailbox.offer(envelope(1))
    assert mailbox.request_stop()
    assert mailbox.request_stop()
    assert mailbox.take() is Signal.STOP
    assert isinstance(mailbox.take(), Envelope)
    assert not mailbox.has_next


def test_closing_gives_out_the_rest() -> None:
    """A closed mailbox takes nothing, stops nothing, and has given out what was in it."""
    mailbox = Mailbox(2)
    waiting = envelope(1)
    mailbox.offer(waiting)
    assert mailbox.has_next
    assert mailbox.close() == [waiting]
    assert mailbox.closed
    assert not mailbox.has_next
    assert mailbox.offer(envelope(2), exempt=True) == "dead"
    assert not mailbox.request_stop()
    assert mailbox.wait() is Signal.CLOSED
    assert mailbox.close() == []


def test_a_bound_of_nothing_is_refused() -> None:
    """A mailbox that can hold nothing would be an actor that hears nothing."""
    with pytest.raises(ValueError, match="at least one"):
        Mailbox(0)
