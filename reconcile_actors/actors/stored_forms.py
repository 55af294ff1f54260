"""What the service posts, as JSON in the store and back. No message of the public surface has this form, so nobody outside can post."""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

from reconcile_actors.domain.adjustment import Action, Adjustment, AdjustmentLine
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.changes import Compensation, Posted, Record
from reconcile_actors.domain.ledger import Json
from reconcile_actors.domain.money import plain
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.messages.wire import iso, to_json, to_us

Posting: TypeAlias = Record | Compensation

_TYPE: Final = "posted"


def posting_text(change: Posting) -> str:
    """A posting as the text that its row in the book holds."""
    one = change.movement
    fields: dict[str, Json] = {
        "type": _TYPE,
        "movement": one.type.value,
        "exchange": one.exchange,
        "wallet": one.wallet,
        "id": one.id,
        "effects": [[*leg, plain(amount)] for leg, amount in sorted(one.effects.items())],
        "instrument": one.instrument,
        "order_id": one.order_id,
        "side": one.side,
        "occurred_at": None if one.occurred_at is None else iso(one.occurred_at),
    }
    if isinstance(change, Compensation):
        fields["adjustment"] = change.adjustment
        fields["cut_at"] = None if change.cut_at is None else iso(change.cut_at)
    else:
        assert change.posted is not None, "a report has its message"
        fields["adjustment"] = change.posted.adjustment
        fields["quantity"] = None if change.quantity is None else plain(change.quantity)
        fields["steps"] = {name: plain(step) for name, step in sorted(change.posted.steps.items())}
    return json.dumps(fields)


def posting_of(text: str) -> Posting | None:
    """The inverse of `posting_text`; None for the text of a report."""
    fields = json.loads(text)
    if fields.get("type") != _TYPE:
        return None
    movement = Movement(
        exchange=fields["exchange"],
        wallet=fields["wallet"],
        type=MovementType(fields["movement"]),
        id=fields["id"],
        effects={Leg(wallet, name, Field(field)): Decimal(amount) for wallet, name, field, amount in fields["effects"]},
        instrument=fields["instrument"],
        order_id=fields["order_id"],
        side=fields["side"],
        occurred_at=_at(fields["occurred_at"]),
    )
    if "cut_at" in fields:
        return Compensation(movement, fields["adjustment"], _at(fields["cut_at"]))
    quantity = fields["quantity"]
    steps = {name: Decimal(step) for name, step in fields["steps"].items()}
    return Record(movement, None if quantity is None else Decimal(quantity), Posted(fields["adjustment"], steps))


def adjustment_body(adjustment: Adjustment) -> dict[str, Json]:
    """An adjustment as a message of the outbox."""
    body: dict[str, Json] = to_json(adjustment)
    return body


def adjustment_from(body: Mapping[str, Any]) -> Adjustment:
    """The inverse of `adjustment_body`."""
    lines = [
        AdjustmentLine(
            id=line["id"],
            type=line["type"],
            wallet=line["wallet"],
            currency=line["currency"],
            field=Field(line["field"]),
            amount=Decimal(line["amount"]),
            occurred_at=_at(line["occurred_at"]),
        )
        for line in body["lines"]
    ]
    return Adjustment(
        id=body["id"],
        exchange=body["exchange"],
        action=Action(body["action"]),
        discrepancies=tuple(body["discrepancies"]),
        lines=tuple(lines),
        reason=body["reason"],
        decided_by=body["decided_by"],
        posted_at=_at(body["posted_at"]),
    )


def _at(text: str | None) -> int | None:
    return None if text is None else to_us(datetime.fromisoformat(text))
