"""One look into the history of an account: its fills, and the transactions of those of its wallets that show a change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

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
from reconcile_actors.exchanges.coinbase.transactions import Transaction, movements_of
from reconcile_actors.exchanges.coinbase.wallets import SPOT
from reconcile_actors.exchanges.port import History
from reconcile_actors.exchanges.rows import Place


@dataclass(frozen=True, slots=True)
class _Accounts:
    """The accounts of the configured wallets by uuid, and the last instant that a complete history may reach (UTC us)."""

    places: Mapping[str, Place]
    totals: Mapping[str, Decimal] = field(repr=False)
    horizon_at: int


class Lookback:
    """Remembers which accounts were asked when. `lag_us` is R."""

    def __init__(self, exchange: str, wallets: frozenset[str], lag_us: int) -> None:
        self._exchange = exchange
        self._wallets = wallets
        self._lag_us = lag_us
        self._asks = Asks()

    async def read(self, accounts: Round, fills: Fetch, transactions: Fetch, since_at: int) -> History:
        """The history since an instant (UTC us); `accounts` were read just before. Raises ExchangeFailureError.

        The accounts' totals come first: what moves after them shows in the totals of the next look.
        """
        seen = self._seen(accounts)
        asked = self._asks.look(seen.totals, seen.horizon_at)
        filled = FillsRead((), frozenset(), seen.horizon_at)
        if SPOT in self._wallets:
            filled = await all_fills(self._exchange, fills, since_at, seen.horizon_at)
        rows: dict[str, list[Transaction]] = {}
        recent: list[Transaction] = []
        for uuid in asked:
            from_at, pending = self._asks.ask_from(uuid, since_at)
            oldest_at = min([from_at, *pending.values()])
            rows[uuid] = await account_transactions(transactions, uuid, seen.places[uuid], from_at, oldest_at)
            recent += [row for row in rows[uuid] if latest_of(row.changed_at) >= from_at or row.id in pending]
        through_at = min(filled.through_at, self._asks.through(since_at, seen.horizon_at, asked))
        if SPOT in self._wallets:
            through_at = min(through_at, before_unlisted(recent, filled, since_at, seen.horizon_at))
        for uuid, many in rows.items():  # only now: a look that failed has seen nothing
            self._asks.took(uuid, seen.horizon_at, {row.id: row.made_at for row in many if row.pending})
        movements = [one for one in filled.movements if latest_of(one.occurred_at or 0) >= since_at]
        movements += movements_of(self._exchange, recent)
        transfers_of = frozenset(seen.places[uuid].currency for uuid in rows)
        return History(movements, since_at, max(since_at, through_at), transfers_of=transfers_of)

    def _seen(self, accounts: Round) -> _Accounts:
        first = accounts.answers[0]
        rows = [row for row in accounts.rows if row.place.wallet in self._wallets]
        # Our clock is held against the exchange's, so that one that is ahead loses no rows.
        asked_at = first.bracket.requested_at
        return _Accounts(
            places={row.uuid: row.place for row in rows},
            totals={row.uuid: row.total for row in rows},
            horizon_at=min(asked_at, first.server_at or asked_at) - self._lag_us,
        )
