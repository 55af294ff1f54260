"""Pacing, retries and nonces of one account's requests, in virtual time."""

import asyncio

import pytest

from reconcile_actors.exchanges.ccxt_client import Answer
from reconcile_actors.exchanges.kraken.calls import Calls
from reconcile_actors.exchanges.kraken.limits import INTERMEDIATE, PRO, CallLimit
from reconcile_actors.exchanges.meters import Purpose
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass
from tests.unit.exchanges.exchange_fakes import FakeClient, Step, VirtualTime


class Desk:
    """Calls over a scripted client."""

    def __init__(self, *script: Step, retry_count: int = 3) -> None:
        self.time = VirtualTime()
        self.client = FakeClient(self.time, *script)
        self.limit = CallLimit(PRO)
        self.calls = Calls(
            self.client,  # type: ignore[arg-type] # has what Calls uses of a client
            self.limit,
            self.time.clocks,
            retry_count=retry_count,
            jitter=lambda pause: pause,
        )

    def ask(self, timeout: float = 10.0, cost: float = 1.0, purpose: Purpose = Purpose.WATCH) -> Answer:
        deadline_us = self.time.clocks.deadline_us(timeout)
        return asyncio.run(self.calls.private("x", {}, deadline_us=deadline_us, cost=cost, purpose=purpose))


def failure(kind: FailureClass, code: str = "x", retry_after: float | None = None) -> ExchangeFailureError:
    return ExchangeFailureError(kind, code, http_status=200, retry_after_seconds=retry_after)


def test_a_transient_failure_is_tried_again() -> None:
    """The answer of the second try is given, and both tries are counted."""
    desk = Desk(failure(FailureClass.TRANSIENT), {"a": 1})
    assert desk.ask().content == {"a": 1}
    assert len(desk.client.calls) == 2
    assert desk.time.slept == [0.1]


def test_tries_end_with_the_configured_count() -> None:
    """`retry_count` tries follow the first."""
    desk = Desk(failure(FailureClass.TRANSIENT), retry_count=2)
    with pytest.raises(ExchangeFailureError):
        desk.ask()
    assert len(desk.client.calls) == 3


def test_a_nonce_is_mended_once() -> None:
    """The first refusal is answered with a later nonce; a second one means that somebody else uses the key."""
    desk = Desk(failure(FailureClass.TRANSIENT, "invalid_nonce"), {"a": 1})
    assert desk.ask().content == {"a": 1}
    assert desk.client.nonces_skipped == 1
    desk = Desk(failure(FailureClass.TRANSIENT, "invalid_nonce"))
    with pytest.raises(ExchangeFailureError) as caught:
        desk.ask()
    assert (caught.value.failure, caught.value.code) == (FailureClass.CONFIGURATION, "invalid_nonce")
    assert len(desk.client.calls) == 2


def test_a_refusal_steps_the_tier_down_and_says_when_to_come_back() -> None:
    """Rate limited: not tried again, one tier lower, and the wait is what the counter needs or the exchange asks for."""
    desk = Desk(failure(FailureClass.RATE_LIMIT, "rate_limited"))
    with pytest.raises(ExchangeFailureError) as caught:
        desk.ask()
    assert len(desk.client.calls) == 1
    assert desk.limit.tier is INTERMEDIATE
    assert caught.value.retry_after_seconds == pytest.approx(12.0, abs=0.1)
    desk = Desk(failure(FailureClass.RATE_LIMIT, "rate_limited", retry_after=90.0))
    with pytest.raises(ExchangeFailureError) as caught:
        desk.ask()
    assert (caught.value.retry_after_seconds, caught.value.http_status) == (90.0, 200)


def test_watching_waits_for_its_share_and_confirming_does_not() -> None:
    """After a burst of watching, the next watch is paced while a confirmation goes at once."""
    desk = Desk({"a": 1})
    for _ in range(7):
        desk.ask()
    assert desk.time.slept == []
    desk.ask(purpose=Purpose.CONFIRM)
    assert desk.time.slept == []
    desk.ask()
    assert sum(desk.time.slept) > 0


def test_a_wait_beyond_the_deadline_is_told_at_once() -> None:
    """Nobody waits for what cannot come in time."""
    desk = Desk({"a": 1})
    with pytest.raises(ExchangeFailureError) as caught:
        desk.ask(timeout=5.0, cost=1000.0)
    assert (caught.value.failure, caught.value.code) == (FailureClass.RATE_LIMIT, "own_limit")
    assert caught.value.retry_after_seconds is not None
    assert desk.client.calls == []
    assert desk.time.slept == []


def test_public_requests_are_not_counted() -> None:
    """Tickers take nothing from the account's counter."""
    desk = Desk({"a": 1})
    deadline_us = desk.time.clocks.deadline_us(5)

    async def many() -> None:
        for _ in range(100):
            await desk.calls.public("x", {}, deadline_us=deadline_us)

    asyncio.run(many())
    assert desk.time.slept == []
    assert not any(call.private for call in desk.client.calls)
