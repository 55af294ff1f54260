"""What the ledger does not say of a fill: market, side and order, from Kraken's trades."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Final

from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.exchanges.kraken.codes import is_pair_of
from reconcile_actors.exchanges.kraken.fields import result_of, text_of

TRADES_A_CALL: Final = 20


def unexplained(movements: Iterable[Movement]) -> list[str]:
    """The ids of fills whose order is not known yet, each once."""
    ids = (movement.id for movement in movements if movement.type is MovementType.FILL and movement.order_id is None)
    return list(dict.fromkeys(trade_id for trade_id in ids if trade_id is not None))


def read_trades(content: object) -> Mapping[str, dict[str, object]]:
    """A QueryTrades answer: raw trades by id; entries of another form are left out. Raises ExchangeFailureError."""
    return {trade_id: raw for trade_id, raw in result_of(content).items() if isinstance(raw, dict)}


def explained(movements: Sequence[Movement], trades: Mapping[str, dict[str, object]]) -> list[Movement]:
    """The movements, fills with what their trades say. An instant buy has a ledger reference but no trade: it stays as it is."""
    return [_with_trade(movement, trades.get(movement.id or "")) for movement in movements]


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
