"""One look into the history of an account: its fills, and the transactions of those of its wallets that show a change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from reconcile_actors.domain.movements import latest_of
from reconcile_actors.exchanges.coinbase.asks import Asks
from reconcile_actors.exchanges.coinbase.history import (
    Fetch,
    FillsRead,
    account_transactions,
    all_fills,
    before_unlisted,
)
from reconcile_actors.exchanges.coinbase.pages import Round
from reconcile_actors.exchanges.coinbase.seen import AccountRead, Seen
from reconcile_actors.exchanges.coinbase.transactions import movements_of
from reconcile_actors.exchanges.coinbase.wallets import SPOT
from reconcile_actors.exchanges.port import ExchangeFailureError, History
from reconcile_actors.exchanges.rows import Place

_NOT_FOUND: Final = 404


@dataclass(frozen=True, slots=True)
class _Accounts:
    """The accounts of the configured wallets by uuid, and the last instant that a complete history may reach (UTC us)."""

    places: Mapping[str, Place]
    totals: Mapping[str, Decimal] = field(repr=False)
    horizon_at: int


class Lookback:
    """Remembers which accounts were asked when, and what they said. `lag_us` is R."""

    def __init__(self, exchange: str, wallets: frozenset[str], lag_us: int) -> None:
        self._exchange = exchange
        self._wallets = wallets
        self._lag_us = lag_us
        self._asks = Asks()
        self._past: dict[str, Seen] = {}

    async def read(self, accounts: Round, fills: Fetch, transactions: Fetch, since_at: int) -> History:
        """The history since an instant (UTC us); `accounts` were read just before. Raises ExchangeFailureError.

        The accounts' totals come first: what moves after them shows in the totals of the next look.
        """
        seen = self._accounts(accounts)
        self._past = {uuid: self._past.get(uuid) or Seen() for uuid in seen.places}
        uncovered = {uuid for uuid, past in self._past.items() if past.was_read and not past.reaches(since_at)}
        chosen = self._asks.look(seen.totals, seen.horizon_at, uncovered)
        filled = FillsRead((), frozenset(), seen.horizon_at)
        if SPOT in self._wallets:
            filled = await all_fills(self._exchange, fills, since_at, seen.horizon_at)
        reads = {uuid: await self._ask(transactions, uuid, seen.places[uuid], since_at) for uuid in chosen}
        through_at = min(filled.through_at, self._asks.through(since_at, seen.horizon_at, reads))
        told = {uuid for uuid in seen.places if self._asks.is_told(uuid, reads)}
        for uuid, read in reads.items():  # only now: a look that failed has seen nothing
            if read is not None:
                self._past[uuid].take(read, seen.horizon_at)
            self._asks.took(uuid, seen.horizon_at, has_pending=bool(self._past[uuid].pending))
        rows = [row for past in self._past.values() for row in past.since(since_at)]
        if SPOT in self._wallets:
            through_at = min(through_at, before_unlisted(rows, filled, since_at, seen.horizon_at))
        movements = [one for one in filled.movements if latest_of(one.occurred_at or 0) >= since_at]
        movements += movements_of(self._exchange, rows)
        gaps = {
            seen.places[uuid].currency
            for uuid in seen.places
            if uuid not in told or not self._past[uuid].covers(since_at)
        }
        transfers_of = frozenset(place.currency for place in seen.places.values()) - gaps
        return History(movements, since_at, max(since_at, through_at), transfers_of=transfers_of)

    async def _ask(self, fetch: Fetch, uuid: str, place: Place, since_at: int) -> AccountRead | None:
        """One account's transactions; None where v2 does not know it: it lists the accounts of one portfolio alone."""
        past = self._past[uuid]
        oldest_at = min(past.pending.values(), default=since_at)
        try:
            return await account_transactions(
                fetch, uuid, place, past.from_at(since_at), oldest_at=oldest_at, seen=past
            )
        except ExchangeFailureError as failure:
            problem = failure
        if problem.http_status != _NOT_FOUND:
            raise problem
        return None

    def _accounts(self, accounts: Round) -> _Accounts:
        first = accounts.answers[0]
        rows = [row for row in accounts.rows if row.place.wallet in self._wallets]
        # Our clock is held against the exchange's, so that one that is ahead loses no rows.
        asked_at = first.bracket.requested_at
        return _Accounts(
            places={row.uuid: row.place for row in rows},
            totals={row.uuid: row.total for row in rows},
            horizon_at=min(asked_at, first.server_at or asked_at) - self._lag_us,
        )
