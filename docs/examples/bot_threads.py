"""The same bot on threads: one trades, one listens, and the service runs beside both."""

import tempfile
import threading
import time
from pathlib import Path

from bot import LISTENS_TO, Bot
from venue import Venue, open_venue

from reconcile_actors import EventIterator, ReconciliationSystem
from reconcile_actors.messages import Event, Record


def trade(bot: Bot, system: ReconciliationSystem) -> None:
    """Trades four times a second, and reports each fill without waiting."""
    number, until = 0, time.monotonic() + 30
    while not (bot.halted or bot.mended.is_set()) and time.monotonic() < until:
        number += 1
        fill = bot.trade(number)
        if fill is not None:
            system.tell(fill)
        bot.mended.wait(0.25)


def listen(bot: Bot, system: ReconciliationSystem, events: EventIterator[Event]) -> None:
    """Ends by itself when the system is left."""
    for event in events:
        for answer in bot.on_event(event):
            if isinstance(answer, Record):
                system.record_sync(answer)  # durable when this returns
            else:
                system.ask_sync(answer, timeout=10)


def main(venue: Venue) -> None:
    bot = Bot(venue)
    with ReconciliationSystem.open(venue.config) as system:
        listening = threading.Thread(target=listen, args=(bot, system, system.events_sync(*LISTENS_TO)))
        listening.start()
        system.record_sync(venue.opening())
        trade(bot, system)
    listening.join()
    print("the bot and the exchange agree" if bot.holdings == venue.holdings() else "they differ")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory, open_venue(Path(directory)) as venue:
        main(venue)
