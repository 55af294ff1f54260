"""The exchange's ids that a book remembers, so that a movement told twice counts once."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from reconcile_actors.domain.movements import Movement, has_value, same_content, same_key


@dataclass(slots=True)
class RememberedIds:
    """The newest ids up to `limit`; older ones only the store can tell of (I12). `complete` says that none was forgotten."""

    limit: int = 20_000
    complete: bool = True
    _ids: OrderedDict[str, tuple[Movement, ...]] = field(default_factory=OrderedDict)

    def add(self, movement: Movement) -> None:
        """Keeps an id; the oldest is forgotten beyond the bound."""
        assert movement.id is not None, "only movements with an id are remembered"
        known = self._ids.get(movement.id, ())
        if movement not in known:
            self._ids[movement.id] = (*known, movement)
        self._ids.move_to_end(movement.id)
        if len(self._ids) > self.limit:
            self._ids.popitem(last=False)
            self.complete = False

    def known(self, movement_id: str | None) -> tuple[Movement, ...]:
        """What is remembered under an id of the exchange."""
        return () if movement_id is None else self._ids.get(movement_id, ())

    def lacks(self, movement_id: str) -> bool:
        """Whether only the store can tell if this id was recorded."""
        return not self.complete and movement_id not in self._ids

    def all(self) -> Iterator[Movement]:
        """Everything that is remembered, the oldest first."""
        for known in self._ids.values():
            yield from known

    def may_have_forgotten(self, own_time: int | None) -> bool:
        """Whether what happened then (UTC us) may be among the forgotten: whatever is no younger than the oldest that is left."""
        if self.complete:
            return False
        left = next(self.all(), None)
        return own_time is None or left is None or left.occurred_at is None or own_time <= left.occurred_at

    def has_duplicate(self, movement: Movement) -> bool | None:
        """True where the same event is known with the same content, False where only with other content, else None.

        An event that a statement had included is stored without effects of its own; nothing contradicts it.
        """
        same = [one for one in self.known(movement.id) if same_key(one, movement)]
        if not same:
            return None
        return any(same_content(one.effects, movement.effects) or not has_value(one.effects) for one in same)
