"""Pages of the indexer's history, and its request limit: nothing at a border is lost, and no window holds too much."""

import asyncio

import pytest

from reconcile_actors.domain.snapshot import Bracket
from reconcile_actors.exchanges.ccxt_client import Answer
from reconcile_actors.exchanges.dydx.fields import iso
from reconcile_actors.exchanges.dydx.history import FUNDING_BACK_US, LARGEST_PAGE, PAGE, read_history
from reconcile_actors.exchanges.dydx.limits import MAXIMUM, Purpose, RequestLimit
from reconcile_actors.exchanges.dydx.movements import Row
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass, History
from tests.unit.exchanges.test_dydx_movements import AT, FILL, FUNDING, READER

SECOND = 1_000_000


class FakeIndexer:
    """Answers from lists of rows."""

    def __init__(self, fills: list[Row], payments: list[Row] | None = None) -> None:
        self.fills = fills
        self.payments = payments or []
        self.asked: list[tuple[str, dict[str, object]]] = []
        self.height_status = 200

    async def fetch(self, method: str, params: dict[str, object]) -> Answer:
        self.asked.append((method, params))
        if method == "indexerGetHeight" and self.height_status != 200:
            raise ExchangeFailureError(FailureClass.CONFIGURATION, "http_refused", http_status=self.height_status)
        content: object = {"height": "1", "time": iso(AT)}
        if method == "indexerGetFills":
            until = params.get("createdBeforeOrAt")
            rows = [row for row in self.fills if until is None or str(row["createdAt"]) <= str(until)]
            limit = params["limit"]
            assert isinstance(limit, int)
            assert "page" not in params, "by number they begin with the oldest"
            content = {"fills": rows[:limit]}
        elif method == "indexerGetTransfers":
            content = {"transfers": []}
        elif method == "indexerGetFundingPayments":
            limit, page = params["limit"], params.get("page", 1)
            assert isinstance(limit, int)
            assert isinstance(page, int)
            content = {"fundingPayments": self.payments[(page - 1) * limit : page * limit]}
        return Answer(content, "", Bracket(0, 0, AT + SECOND, AT + SECOND), 1)

    def read(self, since_at: int = 0) -> History:
        return asyncio.run(read_history(self.fetch, READER, since_at, 2 * SECOND))


def fill_at(number: int, at: int) -> Row:
    return {**FILL, "id": f"F{number}", "createdAt": iso(at)}


def test_pages_end_where_they_need_not_go_on() -> None:
    """A full page that reaches behind the instant is enough."""
    indexer = FakeIndexer([fill_at(number, AT - number * SECOND) for number in range(PAGE * 3)])
    history = indexer.read(AT - 50 * SECOND)
    assert len(history.movements) == 51
    assert len([method for method, _ in indexer.asked if method == "indexerGetFills"]) == 1


def test_a_border_between_pages_loses_nothing() -> None:
    """The next page begins with the last one's oldest time."""
    indexer = FakeIndexer([fill_at(number, AT - number // 3 * SECOND) for number in range(PAGE * 3)])
    assert len(indexer.read().movements) == PAGE * 3


def test_pages_out_of_order_are_refused() -> None:
    """Where the newest do not come first, nothing tells what a page's end means."""
    rows = [fill_at(number, AT - number * SECOND) for number in range(PAGE * 2)]
    with pytest.raises(ExchangeFailureError, match="not_in_order"):
        FakeIndexer(rows[::-1]).read()


def payments(count: int) -> list[Row]:
    return [{**FUNDING, "createdAt": iso(AT - number * SECOND)} for number in range(count)]


@pytest.mark.parametrize("count", [99, 100, 101, 1000, 2500])
def test_payments_are_read_whole(count: int) -> None:
    """By pages as far as they go."""
    assert len(FakeIndexer([], payments(count)).read().movements) == count


def test_payments_that_nobody_asked_for_are_left_out() -> None:
    """An indexer that does not heed the time lists years of them: one page that reaches back far enough is enough."""
    indexer = FakeIndexer([], payments(10_000))
    since_at = AT - 20 * SECOND + FUNDING_BACK_US
    assert len(indexer.read(since_at).movements) == 21
    asked = [params for method, params in indexer.asked if method == "indexerGetFundingPayments"]
    assert len(asked) == 1
    assert asked[0]["createdOnOrAfter"] == asked[0]["afterOrAt"] == iso(AT - 20 * SECOND)


def test_payments_without_end_are_too_many() -> None:
    """Rather than a part."""
    with pytest.raises(ExchangeFailureError, match="history_too_long"):
        FakeIndexer([], payments(10_001)).read()


def test_a_payment_that_moves_to_the_next_page_is_read_again() -> None:
    """While one is added a row is seen twice; one that is taken away would hide another."""

    class Growing(FakeIndexer):
        async def fetch(self, method: str, params: dict[str, object]) -> Answer:
            if params.get("page") == 2:
                self.payments = [{**FUNDING, "createdAt": iso(AT + SECOND)}, *self.payments]
            return await super().fetch(method, params)

    with pytest.raises(ExchangeFailureError, match="history_changed") as caught:
        Growing([], payments(1500)).read()
    assert caught.value.failure is FailureClass.TRANSIENT


def test_one_instant_fills_more_than_a_page() -> None:
    """The largest page holds a block that the usual one does not; one that holds even more is too much."""
    assert len(FakeIndexer([fill_at(number, AT) for number in range(PAGE * 3)]).read().movements) == PAGE * 3
    with pytest.raises(ExchangeFailureError, match="history_too_long"):
        FakeIndexer([fill_at(number, AT) for number in range(LARGEST_PAGE + 1)]).read()


def test_it_reaches_no_further_than_the_indexer_and_our_clock() -> None:
    """The earlier of both, less R."""
    assert FakeIndexer([]).read().through_at == AT - 2 * SECOND


def test_an_indexer_that_tells_no_height_is_taken_at_its_lag() -> None:
    """Without that word R alone says how far it reaches; any other refusal is one."""
    silent = FakeIndexer([])
    silent.height_status = 404
    assert silent.read().through_at == AT + SECOND - 2 * SECOND
    silent.height_status = 403
    with pytest.raises(ExchangeFailureError):
        silent.read()


def test_the_limit_is_kept_in_every_window() -> None:
    """However requests fall, no ten seconds hold more than the purpose may use, and a confirmation finds room."""
    limit, now, sent = RequestLimit(), 0, []
    for _ in range(500):
        now += int(limit.wait_seconds(Purpose.WATCH, now) * 1e6)
        assert limit.wait_seconds(Purpose.CONFIRM, now) == 0
        limit.spend(now)
        sent.append(now)
        now += 7_000
    assert max(sum(1 for one in sent if at <= one < at + 10 * SECOND) for at in sent) == Purpose.WATCH.value < MAXIMUM


def test_steps_down_end() -> None:
    """Each refusal halves the share, to a quarter at the least; its pause is the one that was named, else a window."""
    limit = RequestLimit()
    assert (limit.poll_seconds, limit.history_seconds) == (1.0, 3.0)
    limit.step_down(0, 3.0)
    assert limit.wait_seconds(Purpose.CONFIRM, 0) == 3.0
    assert limit.poll_seconds == 2.0
    for _ in range(3):
        limit.step_down(0, None)
    assert (limit.poll_seconds, limit.detection_seconds) == (4.0, 6.75)
    assert limit.wait_seconds(Purpose.CONFIRM, 4 * SECOND) == 6.0
