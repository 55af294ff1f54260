"""When trading should stop on an account, and until when: the halts of one account, as they are remembered.

There is one halt an account at a time. It stands until a person releases it; a further large loss is added to it.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.halt import TradingHalt
from reconcile_actors.domain.losses import Loss
from reconcile_actors.errors import StoreError

IDS_MAX: Final = 100
RELEASED_KEPT: Final = 20
KEY_PREFIX: Final = "halt:"


@dataclass(frozen=True, slots=True)
class HaltRecord:
    """A halt with how much of each discrepancy's loss it has told of, in units of that currency (of a position: its size).

    What was told leads to no further halt, also after the release, as long as the discrepancy is the same.
    """

    halt: TradingHalt
    told: Mapping[str, Decimal]

    @property
    def key(self) -> str:
        """Where the store keeps it, among its switches."""
        return KEY_PREFIX + self.halt.id

    def text(self) -> str:
        """Its stored form."""
        one = self.halt
        fields = {
            "id": one.id,
            "exchange": one.exchange,
            "reason": one.reason,
            "discrepancies": list(one.discrepancies),
            "requested_at": one.requested_at,
            "acknowledged_at": one.acknowledged_at,
            "released_at": one.released_at,
            "released_by": one.released_by,
        }
        return json.dumps({"halt": fields, "told": {id_: money.plain(amount) for id_, amount in self.told.items()}})


def halts_of(control: Mapping[str, str], exchange: str | None = None) -> tuple[HaltRecord, ...]:
    """The halts among the store's switches, oldest first, of one account or all. Raises StoreError for one that cannot be read."""
    found = [_record_of(text) for key, text in control.items() if key.startswith(KEY_PREFIX)]
    ordered = sorted(found, key=lambda one: (one.halt.requested_at, one.halt.id))
    return tuple(one for one in ordered if exchange in {None, one.halt.exchange})


def standing_of(control: Mapping[str, str], exchange: str | None = None) -> tuple[TradingHalt, ...]:
    """The halts that nobody has released yet. Raises StoreError."""
    return tuple(one.halt for one in halts_of(control, exchange) if one.halt.released_at is None)


def _record_of(text: str) -> HaltRecord:
    try:
        document = json.loads(text)
        fields = document["halt"]
        halt = TradingHalt(**{**fields, "discrepancies": tuple(fields["discrepancies"])})
        return HaltRecord(halt, {id_: money.parse_amount(amount) for id_, amount in document["told"].items()})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StoreError("a trading halt in the store cannot be read: restore a backup") from None


class Step(StrEnum):
    """What became of a halt."""

    REQUESTED = "requested"
    EXTENDED = "extended"
    EASED = "eased"


@dataclass(slots=True)
class Halts:
    """The halts of one account, oldest first: the one that stands, if one does, and those that were released.

    Every method that changes one returns it as it is now.
    """

    exchange: str
    limit_usd: Decimal
    records: dict[str, HaltRecord] = field(default_factory=dict)

    @property
    def standing(self) -> HaltRecord | None:
        """The halt that nobody has released yet."""
        return next((one for one in self.records.values() if one.halt.released_at is None), None)

    def weigh(self, losses: Collection[tuple[Loss, Decimal]], now_at: int) -> tuple[Step, HaltRecord] | None:
        """What losses ask for, each with how much of it is past waiting: a halt where one of them alone or all together are
        large and were not told of; that it stands for more; or nothing."""
        large = self._large(losses)
        return self._tell(large, now_at) if large else self._ease({loss.id: loss for loss, _ in losses})

    def asks(self, losses: Iterable[tuple[Loss, Decimal]]) -> bool:
        """Whether losses of these sizes would lead to a halt."""
        return bool(self._large(losses))

    def _large(self, losses: Iterable[tuple[Loss, Decimal]]) -> list[tuple[Loss, Decimal]]:
        told = self._told()
        fresh = [
            (loss, amount, money.subtract(amount, told.get(loss.id, money.ZERO)))
            for loss, amount in losses
            if amount > told.get(loss.id, money.ZERO)
        ]
        large = [(loss, amount) for loss, amount, more in fresh if loss.is_large(more, self.limit_usd)]
        if large:
            return large
        held = [one for one in fresh if one[0].discrepancy.field is Field.TOTAL]
        return [(loss, amount) for loss, amount, _ in held] if _worth(held) >= self.limit_usd else []

    def _told(self) -> dict[str, Decimal]:
        """What the newest halt of each discrepancy has told."""
        return {id_: amount for one in self.records.values() for id_, amount in one.told.items()}

    def _tell(self, large: list[tuple[Loss, Decimal]], now_at: int) -> tuple[Step, HaltRecord] | None:
        large.sort(key=lambda pair: (-(pair[0].worth(pair[1]) or money.ZERO), pair[0].id))
        standing = self.standing
        if standing is None:
            first = large[0][0]
            halt = TradingHalt(
                id=self._new_id(first.id),
                exchange=self.exchange,
                reason=_reason(first),
                discrepancies=tuple(loss.id for loss, _ in large[:IDS_MAX]),
                requested_at=now_at,
            )
            return Step.REQUESTED, self._keep(HaltRecord(halt, {loss.id: amount for loss, amount in large[:IDS_MAX]}))
        known = standing.halt.discrepancies
        room = IDS_MAX - len(known)
        new = tuple(loss.id for loss, _ in large if loss.id not in known)[:room]
        named = {*known, *new}
        more = {loss.id: amount for loss, amount in large if loss.id in named}
        if not more:
            return None  # it stands for so many that one more says nothing
        halt = replace(standing.halt, discrepancies=(*known, *new))
        return Step.EXTENDED, self._keep(HaltRecord(halt, {**standing.told, **more}))

    def _ease(self, losses: Mapping[str, Loss]) -> tuple[Step, HaltRecord] | None:
        """A loss that has become much smaller and grows again is a new one, so less of it counts as told."""
        told = self._told()
        for record in reversed(self.records.values()):
            less = {
                id_: losses[id_].amount
                for id_, amount in record.told.items()
                if id_ in losses
                and amount == told[id_] > losses[id_].amount
                and losses[id_].is_large(money.subtract(amount, losses[id_].amount), self.limit_usd)
            }
            if less:
                return Step.EASED, self._keep(replace(record, told={**record.told, **less}))
        return None

    def _new_id(self, discrepancy: str) -> str:
        base = f"{self.exchange}:halt:{discrepancy.removeprefix(self.exchange + ':')}"
        before = sum(id_ == base or id_.startswith(f"{base}#") for id_ in self.records)
        return f"{base}#{before + 1}" if before else base

    def acknowledge(self, record: HaltRecord, now_at: int) -> HaltRecord:
        """The trading process has stopped."""
        return self._keep(replace(record, halt=replace(record.halt, acknowledged_at=now_at)))

    def release(self, record: HaltRecord, by: str, now_at: int) -> HaltRecord:
        """Trading may go on."""
        return self._keep(replace(record, halt=replace(record.halt, released_at=now_at, released_by=by)))

    def _keep(self, record: HaltRecord) -> HaltRecord:
        self.records[record.halt.id] = record
        return record

    def forget(self, open_ids: Collection[str]) -> list[HaltRecord]:
        """Drops released halts whose discrepancies are over, but for the newest: so that the store does not grow for ever."""
        over = [
            one
            for one in self.records.values()
            if one.halt.released_at is not None and not any(id_ in open_ids for id_ in one.told)
        ]
        dropped = over[: max(0, len(over) - RELEASED_KEPT)]
        for one in dropped:
            del self.records[one.halt.id]
        return dropped


def _worth(fresh: Iterable[tuple[Loss, Decimal, Decimal]]) -> Decimal:
    """What several losses are worth together, as far as they have a price."""
    total = money.ZERO
    for loss, _, more in fresh:
        total = money.ROUNDED.add(total, loss.worth(more) or money.ZERO)
    return total


def _reason(loss: Loss) -> str:
    if loss.discrepancy.field is Field.POSITION:
        return "position_differs"
    return "unreported_withdrawal" if loss.withdrawn > loss.unexplained else "large_loss"
