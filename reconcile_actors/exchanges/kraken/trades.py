"""What the ledger does not say of a fill: market, side and order, from Kraken's trades."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Final

from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.exchanges.ccxt_client import Answer
from reconcile_actors.exchanges.clocks import MICROSECONDS
from reconcile_actors.exchanges.kraken.codes import is_pair_of
from reconcile_actors.exchanges.kraken.fields import distrusted, result_of, table_of, text_of

PAGES_MAX: Final = 4

Fetch = Callable[[dict[str, object]], Awaitable[Answer]]
"""Asks for one page of trades with these parameters."""


async def with_trades(movements: Sequence[Movement], fetch: Fetch) -> list[Movement]:
    """The same movements, fills with what their trades say, from at most four pages. Raises ExchangeFailureError.

    Trades are asked for by time, because Kraken refuses a whole list of ids for one that is no trade: an instant buy has a
    ledger reference of the same form. What is not found stays as it is.
    """
    fills = [movement for movement in movements if movement.type is MovementType.FILL and movement.order_id is None]
    times = [movement.occurred_at for movement in fills if movement.occurred_at is not None]
    if not times:
        return list(movements)
    window = {"start": max(0, min(times) // MICROSECONDS - 1), "end": max(times) // MICROSECONDS + 1}
    wanted = {movement.id for movement in fills}
    trades: dict[str, dict[str, object]] = {}
    for _ in range(PAGES_MAX):
        page, count = _read_page((await fetch({**window, "ofs": len(trades)})).content)
        trades.update(page)
        if not page or len(trades) >= count or wanted <= trades.keys():
            break
    return [_with_trade(movement, trades.get(movement.id or "")) for movement in movements]


def _read_page(content: object) -> tuple[Mapping[str, dict[str, object]], int]:
    result = result_of(content)
    count = result.get("count")
    if not isinstance(count, int):
        raise distrusted("no_count")
    return table_of(result, "trades"), count


def _with_trade(movement: Movement, raw: dict[str, object] | None) -> Movement:
    if raw is None or movement.type is not MovementType.FILL:
        return movement
    side, order = text_of(raw, "type"), text_of(raw, "ordertxid")
    return replace(
        movement,
        instrument=_symbol(text_of(raw, "pair"), movement),
        side=side if side in {"buy", "sell"} else None,
        order_id=order or None,
    )


def _symbol(pair: str, movement: Movement) -> str | None:
    # The pair's id cannot be cut without Kraken's list of markets, but the fill's own currencies say where.
    currencies = sorted({leg.currency for leg in movement.effects})
    return next(
        (f"{base}/{quote}" for base, quote in permutations(currencies, 2) if is_pair_of(pair, base, quote)), None
    )
