"""What was seen of one account's transactions: what is listed once is told again, as long as somebody asks that far back.

A look reads only from a minute before the last one on, for rows that are listed late; older rows are told from here. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconcile_actors.domain.movements import latest_of
from reconcile_actors.exchanges.coinbase.asks import LATE_US
from reconcile_actors.exchanges.coinbase.transactions import FILL, Transaction

ROWS_MAX: Final = 1000
DEEP_US: Final = 30_000_000
NEAR_US: Final = 5_000_000
_FILLS_KEPT_US: Final = 2 * LATE_US  # they are told by the fills; here they only save reading pages again


@dataclass(frozen=True, slots=True)
class AccountRead:
    """One look: its rows by id, and from when on they are all (UTC us).

    `deep` where no page was left to an earlier look, `cut` where there were more rows than one look asks for.
    """

    rows: Mapping[str, Transaction]
    since_at: int
    deep: bool = True
    cut: bool = False


class Seen:
    """Of one account. Times are UTC us."""

    def __init__(self) -> None:
        self._rows: dict[str, Transaction] = {}
        self._settled_at: dict[str, int] = {}
        self._since_at = 0
        self._through_at: int | None = None
        self._deep_at = 0
        self._cut_at: int | None = None

    @property
    def pending(self) -> dict[str, int]:
        """When what is pending was made, by id."""
        return {row.id: row.made_at for row in self._rows.values() if row.pending}

    @property
    def was_read(self) -> bool:
        """Whether a look has ended."""
        return self._through_at is not None

    def covers(self, since_at: int) -> bool:
        """Whether everything since an instant has been seen, as far as the last look."""
        return self._through_at is not None and self._since_at <= since_at

    def reaches(self, since_at: int) -> bool:
        """Whether no look need read from an instant on: all since then was seen, or lately there was too much of it."""
        if self._through_at is None:
            return False
        return self.covers(since_at) or (self._cut_at is not None and self._through_at - self._cut_at < DEEP_US)

    def from_at(self, since_at: int) -> int:
        """From when a look must read, to tell of everything since an instant, as far as there is not too much of it."""
        if self._through_at is None or not self.reaches(since_at):
            return since_at
        return max(since_at, self._through_at - LATE_US)

    def knows(self, rows: Sequence[Transaction]) -> bool:
        """Whether every row was seen before just so, and what is listed late would not stand behind them.

        They reach some seconds behind the last look, and a look has gone behind such pages lately.
        """
        if self._through_at is None or self._through_at - self._deep_at >= DEEP_US:
            return False
        reaches_back = any(row.made_at < self._through_at - NEAR_US for row in rows)
        return reaches_back and all(self._rows.get(row.id) == row for row in rows)

    def take(self, read: AccountRead, through_at: int) -> None:
        """A look has ended."""
        for row in read.rows.values():
            earlier = self._rows.get(row.id)
            if earlier is not None and earlier.pending and not row.pending:
                self._settled_at[row.id] = through_at
        begins_anew = self._through_at is None or read.since_at > self._through_at
        self._since_at = read.since_at if begins_anew else min(self._since_at, read.since_at)
        self._through_at = through_at
        self._deep_at = through_at if read.deep else self._deep_at
        self._cut_at = through_at if read.cut else self._cut_at
        kept = [
            row
            for row in {**self._rows, **read.rows}.values()
            if row.kind != FILL or row.made_at >= through_at - _FILLS_KEPT_US
        ]
        kept.sort(key=lambda row: (row.pending, row.made_at))
        if len(kept) > ROWS_MAX:
            self._since_at = max(self._since_at, kept[-ROWS_MAX - 1].made_at + 1)
        self._rows = {row.id: row for row in kept[-ROWS_MAX:]}
        self._settled_at = {row_id: at for row_id, at in self._settled_at.items() if row_id in self._rows}

    def since(self, since_at: int) -> list[Transaction]:
        """What was made, changed or settled since an instant."""
        return [
            row
            for row in self._rows.values()
            if latest_of(row.changed_at) >= since_at or self._settled_at.get(row.id, 0) >= since_at
        ]
