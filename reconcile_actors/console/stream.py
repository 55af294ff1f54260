"""`GET /api/v1/events`: events as they happen, as server-sent events (WHATWG HTML, 9.2)."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Final

from reconcile_actors.console.port import ConsoleSystem
from reconcile_actors.errors import UsageError
from reconcile_actors.messages import Event, events
from reconcile_actors.messages.wire import to_json

EVENT_TYPES: Final[dict[str, type[Event]]] = {
    name: one
    for name, one in vars(events).items()
    if isinstance(one, type) and issubclass(one, Event) and one is not Event and not name.startswith("_")
}
KEEPALIVE_SECONDS: Final = 15.0


def types_of(text: str | None) -> tuple[type[Event], ...]:
    """Event types of `?types=A,B`; none named means every one. Raises UsageError for a name that is none."""
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if not set(names) <= EVENT_TYPES.keys():
        raise UsageError(f"types: not an event; known: {', '.join(sorted(EVENT_TYPES))}")
    return tuple(EVENT_TYPES[name] for name in names)


async def stream(system: ConsoleSystem, types: Sequence[type[Event]], stopped: asyncio.Event) -> AsyncIterator[str]:
    """Frames until the server stops or the client goes. A comment comes first, and where nothing happened for a while."""
    incoming = system.events(*types)
    ending = asyncio.ensure_future(stopped.wait())
    coming = asyncio.ensure_future(_next(incoming))
    await asyncio.sleep(0)  # the subscription stands before the client is told so
    try:
        yield ": listening\n\n"
        while not ending.done():
            await asyncio.wait({ending, coming}, timeout=KEEPALIVE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                yield ": still here\n\n"
                continue
            event = coming.result()
            if event is None:
                break
            coming = asyncio.ensure_future(_next(incoming))
            yield f"event: {event.type}\ndata: {json.dumps(to_json(event))}\n\n"
    finally:
        ending.cancel()
        coming.cancel()


async def _next(incoming: AsyncIterator[Event]) -> Event | None:
    return await anext(incoming, None)
