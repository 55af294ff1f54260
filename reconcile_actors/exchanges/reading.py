"""How a read of balances becomes a snapshot, or why it does not. What is believed of an answer is each gateway's own."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from reconcile_actors.domain.snapshot import Bracket, Snapshot, UnknownReason, Unreadable
from reconcile_actors.exchanges.clocks import Clocks
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass
from reconcile_actors.exchanges.rows import Content, Rejected

GROUP: Final = "balances"
"""All balances of an account are one atomic group."""


class Shown(Protocol):
    """What was read: one answer, or a picture that several make. `digest` is of the bytes."""

    @property
    def bracket(self) -> Bracket: ...
    @property
    def digest(self) -> str: ...
    @property
    def connection(self) -> int: ...


S = TypeVar("S", bound=Shown)


async def read_balances(
    exchange: str,
    clocks: Clocks,
    asked: Awaitable[S | Rejected],
    understood: Callable[[S], Content | Rejected],
) -> Snapshot | Unreadable:
    """What was asked for as far as it is understood, or why it is not believed. Raises ExchangeFailureError.

    An answer that is no JSON is unreadable like any other that is not understood.
    """
    requested_us, requested_at = clocks.monotonic_us(), clocks.utc_us()
    try:
        shown = await asked
    except ExchangeFailureError as failure:
        if failure.failure is not FailureClass.BAD_DATA:
            raise
        shown = Rejected(UnknownReason.BAD_SHAPE, failure.code)
    if isinstance(shown, Rejected):
        bracket = Bracket(requested_us, clocks.monotonic_us(), requested_at, clocks.utc_us())
        return Unreadable(exchange, GROUP, bracket, shown.reason, shown.detail)
    content = understood(shown)
    if isinstance(content, Rejected):
        return Unreadable(exchange, GROUP, shown.bracket, content.reason, content.detail)
    return snapshot_of(exchange, content, shown.bracket, raw_digest=shown.digest, connection=shown.connection)


def snapshot_of(exchange: str, content: Content, bracket: Bracket, *, raw_digest: str, connection: int) -> Snapshot:
    """A snapshot of balances alone."""
    return Snapshot(
        exchange=exchange,
        group=GROUP,
        bracket=bracket,
        balances=content.balances,
        positions={},
        digest=content.digest,
        raw_digest=raw_digest,
        steps=content.steps,
        connection=connection,
    )
