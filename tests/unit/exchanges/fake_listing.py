"""A list of one exchange in memory: rows with times, of which an answer shows at most `limit`."""

from collections.abc import Callable
from dataclasses import dataclass, field

from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.exchanges.binance.entries import Entry
from reconcile_actors.exchanges.binance.limits import TRADES
from reconcile_actors.exchanges.binance.lists import Listing, shorter_than


@dataclass
class FakeListing:
    """`rows` are (milliseconds, id); `change` may add rows before each answer, as an exchange does while it is read."""

    rows: list[tuple[int, str]]
    limit: int = 5
    window_ms: int = 10_000
    change: Callable[["FakeListing"], None] = lambda _: None
    asked: list[tuple[int, int]] = field(default_factory=list)

    @property
    def listing(self) -> Listing:
        return Listing("get", TRADES, self.window_ms * 1000, shorter_than(self.limit), _read)

    async def ask(self, _listing: Listing, begin: int, end: int) -> object:
        self.change(self)
        self.asked.append((begin, end))
        found = [{"at": at, "id": id_} for at, id_ in sorted(self.rows) if begin <= at <= end]
        return found[: self.limit]


def _read(content: object) -> list[Entry]:
    assert isinstance(content, list)
    return [
        Entry(
            row["at"] * 1000, Movement("main", "spot", MovementType.FILL, row["id"], {}, occurred_at=row["at"] * 1000)
        )
        for row in content
    ]
