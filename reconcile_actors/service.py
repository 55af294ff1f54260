"""What an embedding program may rely on, as a type: program against this, and a fake can take the system's place."""

from collections.abc import AsyncIterator, Iterator
from typing import Protocol

from reconcile_actors.messages import Accepted, Event, ExchangeMessage, Message, Recorded, Rejected


class PortfolioReconciliationService(Protocol):
    """The part of ReconciliationSystem that a trading process uses. Any thread and any event loop may call any of these."""

    def tell(self, message: Message) -> Accepted | Rejected:
        """Never blocks; accepted is not yet durable."""
        ...

    async def record(self, record: ExchangeMessage) -> Recorded:
        """Returns once committed."""
        ...

    def record_sync(self, record: ExchangeMessage) -> Recorded:
        """`record` for threads."""
        ...

    async def ask(self, command: Message, *, timeout: float) -> object:  # noqa: ASYNC109 the public surface names it
        """One reply, or TimeoutError."""
        ...

    def ask_sync(self, command: Message, *, timeout: float) -> object:
        """`ask` for threads."""
        ...

    def events(self, *types: type[Event]) -> AsyncIterator[Event]:
        """What happens from now on."""
        ...

    def events_sync(self, *types: type[Event]) -> Iterator[Event]:
        """`events` for threads."""
        ...
