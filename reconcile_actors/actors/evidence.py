"""What history named goes on record in full: each movement once, fills with the market, side and order that the exchange states."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from reconcile_actors.actors.desk import Desk
from reconcile_actors.actors.ticks import EvidenceRead
from reconcile_actors.domain.causes import Missing
from reconcile_actors.domain.ledger import Json
from reconcile_actors.domain.money import plain
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.kernel.behaviour import Context, Success
from reconcile_actors.messages.wire import iso

EVIDENCE_SECONDS: Final = 5.0
SAFETY_SECONDS: Final = 1.0


def note_named(desk: Desk, context: Context, named: Sequence[Missing]) -> None:
    """Records what is named for the first time; of fills the exchange's trades are asked first."""
    new = tuple(one.movement for one in named if one.movement.key_text() not in desk.evidenced)
    keys = desk.evidenced = frozenset(one.movement.key_text() for one in named)
    desk.evidence = {key: one for key, one in desk.evidence.items() if key in keys}
    gateway = desk.gateway
    if not new:
        return
    if gateway is None or not any(one.type is MovementType.FILL for one in new):
        _record(desk, context, new, new)
        return
    context.run(
        lambda: gateway.enrich(new, timeout_seconds=EVIDENCE_SECONDS),
        partial(EvidenceRead, new),
        timeout_seconds=EVIDENCE_SECONDS + SAFETY_SECONDS,
    )


def take(desk: Desk, context: Context, read: EvidenceRead) -> None:
    """The trades came, or not: then what the ledger said must do."""
    told = read.outcome.value if isinstance(read.outcome, Success) else ()
    _record(desk, context, read.movements, told if len(told) == len(read.movements) else read.movements)


def _record(desk: Desk, context: Context, named: Sequence[Movement], movements: Sequence[Movement]) -> None:
    desk.evidence |= {before.key_text(): one for before, one in zip(named, movements, strict=True)}
    body = {"ids": sorted(one.name for one in movements)}
    desk.journal.note(context, "history.named", body, payload={"movements": [_document(one) for one in movements]})


def _document(one: Movement) -> Json:
    return {
        "id": one.id,
        "type": one.type.value,
        "wallet": one.wallet,
        "instrument": one.instrument,
        "side": one.side,
        "order_id": one.order_id,
        "occurred_at": None if one.occurred_at is None else iso(one.occurred_at),
        "effects": [
            [leg.wallet, leg.currency, leg.field.value, plain(amount)] for leg, amount in sorted(one.effects.items())
        ],
    }
