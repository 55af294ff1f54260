"""A bot on asyncio with the service inside: a fill that never reaches it is found and repaired while it trades on."""

import asyncio
import tempfile
from contextlib import suppress
from pathlib import Path

from bot import LISTENS_TO, Bot
from venue import Venue, open_venue

from reconcile_actors import EventStream, ReconciliationSystem
from reconcile_actors.errors import UnavailableError
from reconcile_actors.messages import Event


async def trade(bot: Bot, system: ReconciliationSystem) -> None:
    """Trades four times a second, and reports each fill without waiting, until what was found is mended."""
    while not (bot.mended.is_set() or bot.halted.is_set()):
        fill = bot.trade()
        if fill is not None:
            system.tell(fill)
        await asyncio.sleep(0.25)


async def listen(bot: Bot, system: ReconciliationSystem, events: EventStream[Event]) -> None:
    """Ends by itself when the system is left."""
    async for event in events:
        answer = bot.on_event(event)
        if answer is not None:
            with suppress(UnavailableError):  # the system was left meanwhile: it is said again when it runs
                await system.ask(answer, timeout=10)


async def main(venue: Venue) -> None:
    bot = Bot(venue, loses=5)
    async with ReconciliationSystem.open(venue.config, arm=True) as system:
        listening = asyncio.create_task(listen(bot, system, system.events(*LISTENS_TO)))
        await system.record(venue.opening())  # durable when this returns
        async with asyncio.timeout(60):
            await trade(bot, system)
    await listening
    print("the bot and the exchange agree" if bot.holdings == venue.holdings() else "they differ")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory, open_venue(Path(directory)) as venue:
        asyncio.run(main(venue))
