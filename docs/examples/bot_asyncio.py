"""A bot on asyncio with the service inside. One fill never reaches the bot: the service finds it, and the bot mends its book."""

import asyncio
import tempfile
from pathlib import Path

from bot import LISTENS_TO, Bot
from venue import Venue, open_venue

from reconcile_actors import EventStream, ReconciliationSystem
from reconcile_actors.messages import Event, Record


async def trade(bot: Bot, system: ReconciliationSystem) -> None:
    """Trades four times a second, and reports each fill without waiting."""
    number = 0
    while not (bot.halted or bot.mended.is_set()):
        number += 1
        fill = bot.trade(number)
        if fill is not None:
            system.tell(fill)
        await asyncio.sleep(0.25)


async def listen(bot: Bot, system: ReconciliationSystem, events: EventStream[Event]) -> None:
    """Ends by itself when the system is left."""
    async for event in events:
        for answer in bot.on_event(event):
            if isinstance(answer, Record):
                await system.record(answer)  # durable when this returns
            else:
                await system.ask(answer, timeout=10)


async def main(venue: Venue) -> None:
    bot = Bot(venue)
    async with ReconciliationSystem.open(venue.config) as system:
        listening = asyncio.create_task(listen(bot, system, system.events(*LISTENS_TO)))
        await system.record(venue.opening())
        async with asyncio.timeout(30):
            await trade(bot, system)
    await listening
    print("the bot and the exchange agree" if bot.holdings == venue.holdings() else "they differ")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory, open_venue(Path(directory)) as venue:
        asyncio.run(main(venue))
