"""From what a trading process reports to what a book can be asked: messages in, domain changes out."""

from datetime import datetime
from decimal import Decimal

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.changes import Change, OrderClosed, OrderOpened, Record, Stated, Statement
from reconcile_actors.domain.movements import Movement, MovementType, fill_effects
from reconcile_actors.domain.settlement import Settlement
from reconcile_actors.messages import (
    CloseOrder,
    LocalWatermark,
    OpenOrder,
    RecordFee,
    RecordFill,
    RecordFunding,
    RecordReward,
    RecordTransfer,
    SetBalances,
    SetPositions,
    StatedBalance,
)
from reconcile_actors.messages.records import AnyRecord
from reconcile_actors.messages.wire import to_us

_TYPES = {
    RecordFee: MovementType.FEE,
    RecordTransfer: MovementType.TRANSFER,
    RecordFunding: MovementType.FUNDING,
    RecordReward: MovementType.REWARD,
}


def to_change(
    record: AnyRecord, default_wallet: str, received_at: int, settlement: Settlement = Settlement.APART
) -> Change | None:
    """The change that a record asks for; None for a watermark, which asks for none. `received_at` is UTC us.

    `settlement` says what a contract's fill moves in cash at this account's exchange.
    """
    wallet = default_wallet if isinstance(record, LocalWatermark) else record.wallet or default_wallet
    match record:
        case LocalWatermark():
            return None
        case RecordFill():
            return _fill(record, wallet, settlement)
        case OpenOrder():
            return _open(record, wallet)
        case CloseOrder():
            return OrderClosed(wallet, record.order_id, _at(record.occurred_at))
        case SetBalances() | SetPositions():
            return _statement(record, wallet, received_at)
        case _:
            return _movement(record, wallet)


def _statement(record: SetBalances | SetPositions, wallet: str, received_at: int) -> Statement:
    as_of = _at(record.as_of) or received_at
    through = _at(record.includes_through)
    if isinstance(record, SetBalances):
        balances = {one.currency: _stated(one) for one in record.balances}
        return Statement(wallet, record.version, as_of, balances=balances, includes_through=through)
    positions = {one.symbol: one.quantity for one in record.positions if one.quantity}
    return Statement(wallet, record.version, as_of, positions=positions, includes_through=through)


def _at(value: datetime | None) -> int | None:
    return None if value is None else to_us(value)


def _fill(record: RecordFill, wallet: str, settlement: Settlement) -> Record:
    effects = fill_effects(
        wallet,
        record.symbol,
        record.side,
        record.quantity,
        record.price,
        fee_currency=record.fee_currency,
        fee=record.fee,
        cost=record.cost,
        settlement=settlement,
    )
    movement = Movement(
        exchange=record.exchange,
        wallet=wallet,
        type=MovementType.FILL,
        id=record.id,
        effects=effects,
        instrument=record.symbol,
        order_id=record.order_id,
        side=record.side,
        occurred_at=_at(record.occurred_at),
    )
    return Record(movement, record.quantity)


def _movement(record: RecordFee | RecordTransfer | RecordFunding | RecordReward, wallet: str) -> Record:
    movement = Movement(
        exchange=record.exchange,
        wallet=wallet,
        type=_TYPES[type(record)],
        id=record.id,
        effects={Leg(wallet, record.currency, Field.TOTAL): record.amount} if record.amount else {},
        instrument=record.symbol if isinstance(record, RecordFunding) else record.currency,
        order_id=record.order_id if isinstance(record, RecordFee) else None,
        occurred_at=_at(record.occurred_at),
    )
    return Record(movement)


def _open(record: OpenOrder, wallet: str) -> OrderOpened:
    base, quote = record.symbol.split("/", 1)
    is_buy = record.side == "buy"
    contract = ":" in quote
    return OrderOpened(
        wallet=wallet,
        order_id=record.order_id,
        currency=quote.split(":", 1)[0] if is_buy or contract else base,
        quantity=record.quantity,
        # what a contract order locks is margin, which follows from leverage and is not known here
        lock_per_unit=money.ZERO if contract else record.price if is_buy else Decimal(1),
        is_buy=is_buy,
        occurred_at=_at(record.occurred_at),
    )


def _stated(one: StatedBalance) -> Stated:
    locked = one.locked
    if locked is None and one.available is not None:
        locked = money.subtract(one.total, one.available)
    return Stated(one.total, locked, one.borrowed)
