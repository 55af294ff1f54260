"""Movements, discrepancies, book states and outbox messages as rows and back, exact to the last digit (I2).

Each `..._row` gives the values in the order of its INSERT in `statements`; each `..._of` takes a row in the order of its
COLUMNS constant. `seq` is the first audit leaf of the unit that wrote the row.
"""

from decimal import Decimal
from typing import Final

import orjson

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, Kind, Severity, State
from reconcile_actors.domain.ledger import BookRow, BookState, OutboxRow
from reconcile_actors.domain.movements import Effects, Movement, MovementType
from reconcile_actors.storage.connection import Row, SqlValue
from reconcile_actors.storage.text import amount_text, json_text, json_value, optional_amount, optional_text

MOVEMENT_COLUMNS: Final = (
    "exchange, version, wallet, type, id, instrument, order_id, side, effects, pending, occurred_at, recorded_at,"
    " message"
)
DISCREPANCY_COLUMNS: Final = (
    "id, exchange, wallet, currency, field, episode, kind, severity, local, exchange_value, difference, value_usd,"
    " tolerance, cause, state, detected_at, confirmed_at, resolved_at, evidence, price_source, price_at"
)


def effects_text(effects: Effects) -> str:
    """`[[wallet, currency, field, "amount"], ...]`, sorted, so that equal effects are equal text."""
    return orjson.dumps(sorted((*leg, amount_text(amount)) for leg, amount in effects.items())).decode()


def effects_of(text: str) -> dict[Leg, Decimal]:
    """The inverse of `effects_text`."""
    return {
        Leg(wallet, currency, Field(field)): Decimal(amount) for wallet, currency, field, amount in json_value(text)
    }


def movement_row(row: BookRow) -> tuple[SqlValue, ...]:
    """A recording as values for `movement`, without its `seq`."""
    one = row.movement
    return (
        one.exchange,
        row.version,
        one.wallet,
        one.type.value,
        one.id,
        one.instrument,
        one.order_id,
        one.side,
        effects_text(one.effects),
        int(one.pending),
        one.occurred_at,
        row.recorded_at,
        row.message,
    )


def book_row_of(row: Row) -> BookRow:
    """A row of MOVEMENT_COLUMNS as the recording that it was."""
    exchange, version, wallet, kind, id_, instrument, order_id, side, effects, pending, occurred, recorded, message = (
        row
    )
    movement = Movement(
        exchange=exchange,
        wallet=wallet,
        type=MovementType(kind),
        id=id_,
        effects=effects_of(effects),
        instrument=instrument,
        order_id=order_id,
        side=side,
        occurred_at=occurred,
        pending=bool(pending),
    )
    return BookRow(version=version, movement=movement, recorded_at=recorded, message=message)


def book_state_row(state: BookState, at: int) -> tuple[SqlValue, ...]:
    """A book as of a version as values for `book_state`."""
    return (state.exchange, state.version, json_text(state.body), at)


def book_state_of(row: Row) -> BookState:
    """A row of (exchange, version, body)."""
    exchange, version, body = row
    return BookState(exchange=exchange, version=version, body=json_value(body))


def discrepancy_row(one: BalanceDiscrepancy) -> tuple[SqlValue, ...]:
    """A discrepancy as values for `discrepancy`, without its `seq`."""
    return (
        one.id,
        one.exchange,
        one.wallet,
        one.currency,
        one.field.value,
        one.episode,
        one.kind.value,
        one.severity.value,
        optional_text(one.local),
        optional_text(one.exchange_value),
        amount_text(one.difference),
        optional_text(one.value_usd),
        amount_text(one.tolerance),
        one.cause,
        one.state.value,
        one.detected_at,
        one.confirmed_at,
        one.resolved_at,
        json_text(one.evidence),
        one.price_source,
        one.price_at,
    )


def discrepancy_of(row: Row) -> BalanceDiscrepancy:
    """A row of DISCREPANCY_COLUMNS."""
    identity, values, life = row[:8], row[8:13], row[13:]
    id_, exchange, wallet, currency, field, episode, kind, severity = identity
    cause, state, detected_at, confirmed_at, resolved_at, evidence, price_source, price_at = life
    return BalanceDiscrepancy(
        id=id_,
        exchange=exchange,
        wallet=wallet,
        currency=currency,
        field=Field(field),
        episode=episode,
        kind=Kind(kind),
        severity=Severity(severity),
        local=optional_amount(values[0]),
        exchange_value=optional_amount(values[1]),
        difference=Decimal(values[2]),
        value_usd=optional_amount(values[3]),
        tolerance=Decimal(values[4]),
        cause=cause,
        state=State(state),
        detected_at=detected_at,
        confirmed_at=confirmed_at,
        resolved_at=resolved_at,
        evidence=tuple(json_value(evidence)),
        price_source=price_source,
        price_at=price_at,
    )


def outbox_row(row: OutboxRow, at: int) -> tuple[SqlValue, ...]:
    """A message for the world outside as values for (kind, body, created_at)."""
    return (row.kind, json_text(row.body), at)
