"""Rows of Binance's lists as movements. A status that is not known fails the read: a row is never silently left out.

Entries bear the time by which their list is asked for, since a movement's own time may be another: a deposit is listed by when
it was first seen, and counts when it is credited.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.movements import Effects, Movement, MovementType, fill_effects, merge
from reconcile_actors.exchanges.binance.earning import redeemed, subscribed
from reconcile_actors.exchanges.binance.fields import (
    Raw,
    amount_of,
    at_of,
    currency_of,
    distrusted,
    flag_of,
    id_of,
    rows_of,
    signed_of,
    text_of,
    whole_of,
)
from reconcile_actors.exchanges.binance.shape import SPOT
from reconcile_actors.exchanges.binance.statuses import (
    CONVERSION,
    DEPOSIT,
    REDEMPTION,
    SUBSCRIPTION,
    TRANSFER,
    WITHDRAWAL,
    Moved,
    Statuses,
    moved_by,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A movement and the time by which its list is asked for (UTC us)."""

    listed_at: int
    movement: Movement


_FUNDING_WALLET: Final = "1"


class Reader:
    """Turns answers into entries of one account."""

    def __init__(self, exchange: str) -> None:
        self._exchange = exchange

    def fills(self, content: object, native: str, symbol: str) -> list[Entry]:
        """myTrades of one symbol. Raises ExchangeFailureError, here and below."""
        return [self._fill(row, native, symbol) for row in rows_of(content)]

    def deposits(self, content: object) -> list[Entry]:
        """capital/deposit/hisrec: what was credited, and what is on its way."""
        return list(self._fundings(content, "insertTime", DEPOSIT, self._deposited))

    def withdrawals(self, content: object) -> list[Entry]:
        """capital/withdraw/history: amount and fee leave when the withdrawal is asked for."""
        return list(self._fundings(content, "applyTime", WITHDRAWAL, self._withdrawn))

    def dividends(self, content: object) -> list[Entry]:
        """asset/assetDividend: everything that is credited of its own accord; what one transaction credits is one reward."""
        rewards: dict[tuple[str, str], list[tuple[int, Effects]]] = {}
        for row in rows_of(content, "rows"):
            currency = currency_of(row, "asset")
            direction = row.get("direction", 1)
            if direction not in {1, -1}:
                raise distrusted("no_direction")
            amount = amount_of(row, "amount")
            effect = _total(currency, amount if direction == 1 else money.negate(amount))
            rewards.setdefault((id_of(row, "tranId"), currency), []).append((at_of(row, "divTime"), effect))
        return [
            self._entry(
                MovementType.REWARD,
                id_,
                max(at for at, _ in parts),
                merge(*(one for _, one in parts)),
                currency=currency,
            )
            for (id_, currency), parts in rewards.items()
        ]

    def conversions(self, content: object) -> list[Entry]:
        """convert/tradeFlow: an exchange of two currencies outside the order book, and so a fill without a symbol."""
        entries = []
        for row in rows_of(content, "list"):
            moved = moved_by(CONVERSION, text_of(row, "orderStatus"))
            if moved is Moved.NEVER:
                continue
            spent = _total(currency_of(row, "fromAsset"), money.negate(amount_of(row, "fromAmount")))
            effects = merge(spent, _total(currency_of(row, "toAsset"), amount_of(row, "toAmount")))
            at = at_of(row, "createTime")
            entries.append(self._entry(MovementType.FILL, id_of(row, "orderId"), at, effects, moved=moved))
        return entries

    def sweeps(self, content: object) -> list[Entry]:
        """asset/dribblet: dust that became BNB, or what is named. What is told as transferred has been charged already."""
        entries = []
        for sweep in rows_of(content, "userAssetDribblets"):
            parts: list[Effects] = []
            for row in rows_of(sweep, "userAssetDribbletDetails"):
                parts.append(_total(currency_of(row, "fromAsset"), money.negate(amount_of(row, "amount"))))
                into = currency_of(row, "targetAsset") if row.get("targetAsset") else "BNB"
                parts.append(_total(into, amount_of(row, "transferedAmount")))
            at = at_of(sweep, "operateTime")
            entries.append(self._entry(MovementType.FILL, id_of(sweep, "transId"), at, merge(*parts)))
        return entries

    def subscriptions(self, content: object, *, flexible: bool) -> list[Entry]:
        """simple-earn/.../subscriptionRecord."""
        moves = (
            (
                id_of(row, "purchaseId"),
                row,
                subscribed(row, flexible=flexible),
                moved_by(SUBSCRIPTION, text_of(row, "status")),
            )
            for row in rows_of(content, "rows")
        )
        return [self._earned(*move) for move in moves if move[-1] is not Moved.NEVER]

    def redemptions(self, content: object, *, flexible: bool) -> list[Entry]:
        """simple-earn/.../redemptionRecord."""
        moves = (
            (
                id_of(row, "redeemId"),
                row,
                redeemed(row, flexible=flexible),
                moved_by(REDEMPTION, text_of(row, "status")),
            )
            for row in rows_of(content, "rows")
        )
        return [self._earned(*move) for move in moves if move[-1] is not Moved.NEVER]

    def transfers(self, content: object, kind: str) -> list[Entry]:
        """asset/transfer of one kind, such as `MAIN_FUNDING`: between the spot wallet and another."""
        entries = []
        for row in _told(content):
            if row.get("type") != kind:
                raise distrusted("no_type")
            moved = moved_by(TRANSFER, text_of(row, "status"))
            if moved is not Moved.NEVER:
                amount = amount_of(row, "amount")
                signed = money.negate(amount) if kind.startswith("MAIN_") else amount
                id_, at = id_of(row, "tranId"), at_of(row, "timestamp")
                entries += self._transfer(id_, at, currency_of(row, "asset"), signed, moved)
        return entries

    def _fill(self, row: Raw, native: str, symbol: str) -> Entry:
        if row.get("symbol") != native:
            raise distrusted("no_symbol")
        side = "buy" if flag_of(row, "isBuyer") else "sell"
        effects = fill_effects(
            SPOT,
            symbol,
            side,
            amount_of(row, "qty"),
            amount_of(row, "price"),
            fee_currency=currency_of(row, "commissionAsset"),
            fee=signed_of(row, "commission"),
            cost=amount_of(row, "quoteQty"),
        )
        at = at_of(row, "time")
        movement = Movement(
            exchange=self._exchange,
            wallet=SPOT,
            type=MovementType.FILL,
            id=id_of(row, "id"),
            effects=effects,
            instrument=symbol,
            order_id=id_of(row, "orderId"),
            side=side,
            occurred_at=at,
        )
        return Entry(at, movement)

    def _fundings(
        self,
        content: object,
        time: str,
        statuses: Statuses,
        read: Callable[[Raw, int], tuple[str, Decimal, int]],
    ) -> Iterable[Entry]:
        for row in rows_of(content):
            moved, listed_at = moved_by(statuses, id_of(row, "status")), at_of(row, time)
            currency = currency_of(row, "coin")
            id_, amount, at = read(row, listed_at)
            elsewhere = row.get("walletType") is not None and id_of(row, "walletType") == _FUNDING_WALLET
            if moved is Moved.NEVER or elsewhere:
                continue
            [entry] = self._transfer(id_, at, currency, amount, moved)
            yield Entry(listed_at, entry.movement)

    def _deposited(self, row: Raw, listed_at: int) -> tuple[str, Decimal, int]:
        id_ = id_of(row, "id" if row.get("id") else "txId")
        at = at_of(row, "completeTime") if row.get("completeTime") else listed_at
        return id_, amount_of(row, "amount"), max(at, listed_at)

    def _withdrawn(self, row: Raw, listed_at: int) -> tuple[str, Decimal, int]:
        gross = money.add(amount_of(row, "amount"), amount_of(row, "transactionFee"))
        return id_of(row, "id"), money.negate(gross), listed_at

    def _transfer(self, id_: str, at: int, currency: str, amount: Decimal, moved: Moved) -> list[Entry]:
        return [self._entry(MovementType.TRANSFER, id_, at, _total(currency, amount), currency=currency, moved=moved)]

    def _earned(self, id_: str, row: Raw, effects: Effects, moved: Moved) -> Entry:
        """One currency became another, like a conversion; or it came from elsewhere, or went there."""
        at, currencies = at_of(row, "time"), [leg.currency for leg in effects]
        if len(currencies) == 1:
            return self._entry(MovementType.TRANSFER, id_, at, effects, currency=currencies[0], moved=moved)
        return self._entry(MovementType.FILL, id_, at, effects, moved=moved)

    def _entry(
        self,
        kind: MovementType,
        id_: str,
        at: int,
        effects: Effects,
        *,
        currency: str | None = None,
        moved: Moved = Moved.DONE,
    ) -> Entry:
        movement = Movement(
            exchange=self._exchange,
            wallet=SPOT,
            type=kind,
            id=id_,
            effects=effects,
            instrument=currency,
            occurred_at=at,
            pending=moved is Moved.PENDING,
        )
        return Entry(at, movement)


def _told(content: object) -> list[Raw]:
    """The rows of a transfer history, which leaves `rows` out where there are none."""
    if isinstance(content, dict) and "rows" not in content and whole_of(content, "total") == 0:
        return []
    return rows_of(content, "rows")


def _total(currency: str, amount: Decimal) -> dict[Leg, Decimal]:
    return {Leg(SPOT, currency, Field.TOTAL): amount}
