"""What moves one account besides fills: https://docs.cdp.coinbase.com/coinbase-app/track-apis/transactions.

A transaction's `amount` is signed and whole: a withdrawal's network fee is in it. Rows of type `advanced_trade_fill` repeat what
the fills say, once for each of the two accounts, and so are only set against them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final
from urllib.parse import parse_qs, urlsplit

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.movements import Movement, MovementType, merge
from reconcile_actors.exchanges.coinbase.codes import currency_code
from reconcile_actors.exchanges.coinbase.fields import (
    amount_of,
    answer_of,
    distrusted,
    id_of,
    instant_of,
    part_of,
    rows_of,
    text_of,
)
from reconcile_actors.exchanges.rows import Place

FILL: Final = "advanced_trade_fill"
_KINDS: Final[Mapping[MovementType, tuple[str, ...]]] = {
    # Bought, sold or converted outside Advanced Trade: each side is a transaction of its own account.
    MovementType.FILL: ("buy", "sell", "trade", "retail_simple_dust", "wrap_asset", "unwrap_asset"),
    MovementType.TRANSFER: (
        "send",
        "receive",
        "request",
        "transfer",
        "tx",
        "fiat_deposit",
        "fiat_withdrawal",
        "exchange_deposit",
        "exchange_withdrawal",
        "pro_deposit",
        "pro_withdrawal",
        "intx_deposit",
        "intx_withdrawal",
        "vault_withdrawal",
        "staking_transfer",
        "unstaking_transfer",
        "cardspend",
    ),
    MovementType.REWARD: (
        "staking_reward",
        "inflation_reward",
        "interest",
        "earn_payout",
        "incentives_rewards_payout",
        "subscription_rebate",
        "cardbuyback",
    ),
    MovementType.FEE: ("subscription",),
}
# What a type is in the book. One that is not listed is an adjustment: it moved value, so it is never left out.
_TYPES: Final[Mapping[str, MovementType]] = {name: kind for kind, names in _KINDS.items() for name in names}
_DONE: Final = frozenset({"completed"})
_PENDING: Final = frozenset({"pending", "created", "waiting_for_signature", "waiting_for_clearing"})
_VOID: Final = frozenset({"failed", "expired", "canceled", "cancelled"})


@dataclass(frozen=True, slots=True)
class Transaction:
    """One row. `at` is when it moved the balance, `made_at` when it was made, `changed_at` when it last changed (UTC us)."""

    id: str
    kind: str
    place: Place
    amount: Decimal = field(repr=False)
    made_at: int
    changed_at: int
    pending: bool
    void: bool
    order_id: str | None

    @property
    def at(self) -> int:
        """Money that comes counts once it is there, money that goes is taken at once."""
        return self.changed_at if self.amount > 0 else self.made_at


@dataclass(frozen=True, slots=True)
class TransactionsPage:
    """One page, and the id after which the next one starts."""

    rows: tuple[Transaction, ...]
    after: str | None


def read_transactions(content: object, place: Place) -> TransactionsPage:
    """A page of the transactions of an account. Raises ExchangeFailureError for anything that is not wholly understood."""
    answer = answer_of(content)
    rows = tuple(_row(raw, place) for raw in rows_of(answer, "data"))
    pagination = part_of(answer, "pagination")
    uri, after = pagination.get("next_uri"), pagination.get("next_starting_after")
    if not uri:
        return TransactionsPage(rows, None)
    if not isinstance(after, str) or not after:
        after = (parse_qs(urlsplit(str(uri)).query).get("starting_after") or [""])[0]
    if not after or not rows:
        raise distrusted("no_cursor")
    return TransactionsPage(rows, after)


def movements_of(exchange: str, rows: Iterable[Transaction]) -> list[Movement]:
    """The rows as movements. What failed moved nothing; what is pending is marked so; fills are left to the fills."""
    found: dict[tuple[str, MovementType, str, str | None], Movement] = {}
    for row in rows:
        if row.void or row.kind == FILL or not row.amount:
            continue
        kind = _TYPES.get(row.kind, MovementType.ADJUSTMENT)
        instrument = None if kind is MovementType.FILL else row.place.currency
        key = (row.id, kind, row.place.wallet, instrument)
        effects = {Leg(row.place.wallet, row.place.currency, Field.TOTAL): row.amount}
        earlier = found.get(key)
        found[key] = Movement(
            exchange=exchange,
            wallet=row.place.wallet,
            type=kind,
            id=row.id,
            effects=effects if earlier is None else merge(earlier.effects, effects),
            instrument=instrument,
            occurred_at=row.at,
            pending=row.pending,
        )
    return list(found.values())


def _row(raw: dict[str, object], place: Place) -> Transaction:
    amount, kind, status = part_of(raw, "amount"), text_of(raw, "type"), text_of(raw, "status")
    if currency_code(text_of(amount, "currency")) != place.currency:
        raise distrusted("transaction_currency")
    if status not in _DONE | _PENDING | _VOID:
        raise distrusted("transaction_status")
    made_at = instant_of(raw, "created_at")
    fill = raw.get(FILL)
    order = fill.get("order_id") if isinstance(fill, dict) else None
    return Transaction(
        id=id_of(raw, "id"),
        kind=kind,
        place=place,
        amount=amount_of(amount, "amount"),
        made_at=made_at,
        changed_at=max(made_at, instant_of(raw, "updated_at")) if raw.get("updated_at") else made_at,
        pending=status in _PENDING,
        void=status in _VOID,
        order_id=order if isinstance(order, str) else None,
    )
