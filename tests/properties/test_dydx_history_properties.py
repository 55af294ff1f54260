"""However fills come in while a dYdX history is read, nothing that it promises is missing; and no window holds too many requests."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile_actors.domain.snapshot import Bracket
from reconcile_actors.exchanges.ccxt_client import Answer
from reconcile_actors.exchanges.dydx.fields import iso
from reconcile_actors.exchanges.dydx.history import PAGE, read_history
from reconcile_actors.exchanges.dydx.limits import MAXIMUM, WINDOW_US, Purpose, RequestLimit
from reconcile_actors.exchanges.dydx.movements import Reader, Row

NOW = 1_760_000_000_000_000
MS, SECOND = 1000, 1_000_000
READER = Reader("main", "perp", "dydx1owner", 0)


class GrowingIndexer:
    """Fills in the order of time, newest first, of which some arrive between two requests."""

    def __init__(self, ages: list[int], arrivals: list[int]) -> None:
        self.rows = [(NOW - age * MS, f"R{number}") for number, age in enumerate(ages)]
        self.arrivals = list(arrivals)

    async def fetch(self, method: str, params: dict[str, object]) -> Answer:
        content: object = {"time": iso(NOW), "transfers": [], "fundingPayments": []}
        if method == "indexerGetFills":
            content = {"fills": self._page(params)}
            count = self.arrivals.pop(0) if self.arrivals else 0
            self.rows += [(NOW + number * MS, f"N{len(self.rows) + number}") for number in range(count)]
        return Answer(content, "", Bracket(0, 0, NOW, NOW), 1)

    def _page(self, params: dict[str, object]) -> list[Row]:
        until, page = params.get("createdBeforeOrAt"), params.get("page", 1)
        assert isinstance(page, int)
        rows = sorted(((at, name) for at, name in self.rows if until is None or iso(at) <= str(until)), reverse=True)
        return [_fill(name, at) for at, name in rows[(page - 1) * PAGE : page * PAGE]]


def _fill(name: str, at: int) -> Row:
    return {"id": name, "side": "BUY", "market": "BTC-USD", "price": "1", "size": "1", "fee": "0", "createdAt": iso(at)}


@settings(max_examples=60, deadline=None, print_blob=True)
@given(
    st.lists(st.integers(0, 300), max_size=900),
    st.lists(st.integers(0, 150), max_size=12),
    st.integers(0, 320),
)
def test_what_was_there_is_found(ages: list[int], arrivals: list[int], since: int) -> None:
    """Every fill that was there when the read began, since the instant, is in it once, however many share a time."""
    indexer = GrowingIndexer(ages, arrivals)
    since_at = NOW - since * MS
    before = {name for at, name in indexer.rows if at >= since_at}
    got = [one.id for one in asyncio.run(read_history(indexer.fetch, READER, since_at, SECOND)).movements]
    assert len(got) == len(set(got))
    assert before <= set(got)


@settings(max_examples=100, deadline=None, print_blob=True)
@given(st.lists(st.tuples(st.sampled_from(Purpose), st.integers(0, 400)), max_size=400))
def test_no_window_holds_too_many(requests: list[tuple[Purpose, int]]) -> None:
    """Whoever asks for what and when, each waits its turn, and ten seconds hold fewer than the indexer allows."""
    limit, now, sent = RequestLimit(), 0, []
    for purpose, pause_ms in requests:
        now += pause_ms * MS
        wait = limit.wait_seconds(purpose, now)
        assert wait <= WINDOW_US / 1e6
        now += round(wait * 1e6)
        assert limit.wait_seconds(purpose, now) == 0
        limit.spend(now)
        sent.append(now)
    for at in sent:
        assert sum(1 for one in sent if at <= one < at + WINDOW_US) <= Purpose.CONFIRM.value < MAXIMUM
