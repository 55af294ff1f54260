"""A ledger that answers page by page while it changes."""

from collections.abc import Callable

from reconcile_actors.exchanges.ccxt_client import Answer
from tests.unit.exchanges.exchange_fakes import FakeClient, VirtualTime, ledger_row, result

_DEFAULTS = (("start", 0), ("end", 10**12), ("ofs", 0))


class FakeLedger:
    """Rows are (seconds, refid); `change` is called after each page. Newest first, 50 a page, start exclusive."""

    def __init__(
        self, rows: list[tuple[float, str]], *, change: Callable[["FakeLedger"], None] = lambda _ledger: None
    ) -> None:
        self.rows = rows
        self.change = change
        self.asked: list[dict[str, object]] = []
        self.server_at: int | None = None

    async def fetch(self, params: dict[str, object]) -> Answer:
        self.asked.append(dict(params))
        start, end, offset = (int(str(params.get(key, default))) for key, default in _DEFAULTS)
        newest_first = sorted(((at, name) for at, name in self.rows if start < at <= end), reverse=True)
        page = {
            f"L-{name}": ledger_row(f"{at:.6f}", "XXBT", "1", refid=name)
            for at, name in newest_first[offset : offset + 50]
        }
        answer = result({"ledger": page, "count": len(newest_first)})
        got = await FakeClient(VirtualTime(), answer).call("Ledgers", params, timeout_seconds=1)
        self.change(self)
        return Answer(got.content, got.digest, got.bracket, 1, self.server_at)
