"""The same bot on threads: one trades, one listens, the service runs beside both, and a theft stops the trading."""

import tempfile
import threading
import time
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from bot import LISTENS_TO, Bot
from venue import Venue, open_venue

from reconcile_actors import EventIterator, ReconciliationSystem
from reconcile_actors.errors import UnavailableError
from reconcile_actors.messages import Event


def trade(bot: Bot, system: ReconciliationSystem) -> None:
    """Trades four times a second, and reports each fill without waiting, until it is told to stop."""
    number, until = 0, time.monotonic() + 60
    while not bot.halted.wait(0.25) and time.monotonic() < until:
        number += 1
        if number == 5:
            bot.venue.steal("BTC", Decimal(1))
        fill = bot.trade()
        if fill is not None:
            system.tell(fill)


def listen(bot: Bot, system: ReconciliationSystem, events: EventIterator[Event]) -> None:
    """Ends by itself when the system is left."""
    for event in events:
        answer = bot.on_event(event)
        if answer is not None:
            with suppress(UnavailableError):  # the system was left meanwhile: it is said again when it runs
                system.ask_sync(answer, timeout=10)


def main(venue: Venue) -> None:
    bot = Bot(venue)
    with ReconciliationSystem.open(venue.config, arm=True) as system:
        listening = threading.Thread(target=listen, args=(bot, system, system.events_sync(*LISTENS_TO)))
        listening.start()
        system.record_sync(venue.opening())  # durable when this returns
        trade(bot, system)
    listening.join()
    print("trading stands still" if bot.halted.is_set() else "nothing was said of a halt")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory, open_venue(Path(directory)) as venue:
        main(venue)
