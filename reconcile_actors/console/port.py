"""What the console needs of the system: it sends messages and reads events, nothing else."""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from reconcile_actors.config import Settings
from reconcile_actors.messages import Event, ExchangeMessage, Message, Recorded


class ConsoleSystem(Protocol):
    """The part of ReconciliationSystem that HTTP reaches."""

    @property
    def settings(self) -> Settings:
        """The configuration in force."""
        ...

    async def record(self, record: ExchangeMessage) -> Recorded:
        """Durable when it returns."""
        ...

    async def ask(self, command: Message, *, timeout: float) -> object:  # noqa: ASYNC109 - the public surface names it
        """One reply, or TimeoutError."""
        ...

    def events(self, *types: type[Event]) -> AsyncIterator[Event]:
        """What happens from now on."""
        ...

    def health(self) -> Mapping[str, bool]:
        """Loop and actors."""
        ...

    def readiness(self) -> Mapping[str, bool]:
        """Store, audit chain, first full comparison."""
        ...
