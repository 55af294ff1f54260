"""What an account has lost by its discrepancies: how much of each is gone without a reason that one may trust.

A missed fill, a fee or funding is explained by the exchange's history. A withdrawal that nobody reported is not, though
history names it, because that is what a theft looks like.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.causes import Missing
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, Severity
from reconcile_actors.domain.movements import MovementType


@dataclass(frozen=True, slots=True)
class Loss:
    """What a discrepancy leaves lost, in units of its currency (of a position: by how much it differs, either way).

    `withdrawn` of it left the account, as history says; the rest, up to `amount`, nothing explains yet.
    """

    discrepancy: BalanceDiscrepancy
    amount: Decimal
    withdrawn: Decimal = money.ZERO

    @property
    def id(self) -> str:
        """The discrepancy's id."""
        return self.discrepancy.id

    @property
    def unexplained(self) -> Decimal:
        """What history may still explain."""
        return money.subtract(self.amount, self.withdrawn)

    def worth(self, amount: Decimal) -> Decimal | None:
        """Some of the loss in USD, at the price that the discrepancy was valued with; None without one."""
        one = self.discrepancy
        if one.value_usd is None or not one.difference:
            return None
        whole = money.EXACT.abs(one.difference)
        return money.ROUNDED.divide(money.ROUNDED.multiply(one.value_usd, amount), whole)

    def is_large(self, amount: Decimal, limit_usd: Decimal) -> bool:
        """Whether some of the loss is worth the limit. Without a price only what was found severe is."""
        worth = self.worth(amount)
        if worth is None:
            return amount > 0 and self.discrepancy.severity is Severity.ERROR
        return worth >= limit_usd


@dataclass(slots=True)
class Known:
    """What is remembered of discrepancies while they stand, by id.

    `before` are those that an earlier incarnation left open: the newest history may not reach back to what explained them.
    `peaks` are the largest differences seen of each, 0 at least: what was lost is at most what the difference fell by since.
    """

    before: Mapping[str, BalanceDiscrepancy] = field(default_factory=dict)
    peaks: dict[str, Decimal] = field(default_factory=dict)

    def follow(self, found: Iterable[BalanceDiscrepancy]) -> None:
        """Brings itself up to date with what stands now."""
        self.peaks = {one.id: max(one.difference, self.peaks.get(one.id, money.ZERO)) for one in found if one.is_loss}


@dataclass(frozen=True, slots=True)
class Named:
    """What history names: `placed` is part of the differences that stand (or of none), `loose` may be or not, as may be what
    is `gone` into the book since: a newer history and a late report are known before a read shows what they leave.
    """

    placed: Sequence[Missing] = ()
    loose: Sequence[Missing] = ()
    gone: Sequence[Missing] = ()

    def on(self, leg: Leg) -> "Named":
        """What of it moves a leg."""
        every = (self.placed, self.loose, self.gone)
        return Named(*([each for each in some if leg in each.effects] for some in every))

    @property
    def missing(self) -> list[Missing]:
        """All that the book lacks still."""
        return [*self.placed, *self.loose]


def losses_of(found: Iterable[BalanceDiscrepancy], named: Named, known: Known) -> tuple[Loss, ...]:
    """The losses among discrepancies past doubt, given what history names: what is lost at least, whatever the differences
    hold of it. What is locked moves no value by itself, and where only an id is missing balances agree."""
    losses = (_loss_of(one, named.on(one.leg), known) for one in found if one.is_loss)
    return tuple(one for one in losses if one is not None)


def _loss_of(one: BalanceDiscrepancy, named: Named, known: Known) -> Loss | None:
    least, most = _lacking(one, named, known)
    if one.field is Field.POSITION:
        amount = min(max(least, money.negate(most), money.ZERO), money.EXACT.abs(one.difference))
        return Loss(one, amount) if amount else None
    # never more than balances have shown: an id may be missing of what the book holds under another
    shown = money.subtract(known.peaks.get(one.id, money.ZERO), one.difference)
    amount = min(least, shown)
    if one.field is not Field.TOTAL or amount <= 0:
        return None
    withdrawn = _sum((each for each in named.missing if is_outflow(each, one.leg)), one.leg)
    return Loss(one, amount, min(money.negate(withdrawn), amount))


def _lacking(one: BalanceDiscrepancy, named: Named, known: Known) -> tuple[Decimal, Decimal]:
    """By how much a difference is below what explains it, at least and at most. No outflow that the book lacks does."""
    leg, sure = one.leg, [each for each in named.placed if not is_outflow(each, one.leg)]
    maybe = [*(each for each in named.loose if not is_outflow(each, leg)), *named.gone]
    explained = money.add(_sum(sure, leg), _explained_before(known.before.get(one.id), named.missing))
    lacking = money.subtract(explained, one.difference)
    less, more = ([each for each in maybe if (each.effects[leg] < 0) is sign] for sign in (True, False))
    return money.add(lacking, _sum(less, leg)), money.add(lacking, _sum(more, leg))


def _explained_before(before: BalanceDiscrepancy | None, named: Sequence[Missing]) -> Decimal:
    """How much of a difference was explained once by what history no longer lists."""
    if before is None or before.cause in {None, "unexplained", "missed_withdrawal"}:
        return money.ZERO
    if any(each.id in before.evidence for each in named):
        return money.ZERO  # it lists it still
    return before.difference if before.explained is None else before.explained


def _sum(missing: Iterable[Missing], leg: Leg) -> Decimal:
    total = money.ZERO
    for each in missing:
        total = money.add(total, each.effects[leg])
    return total


def is_outflow(missing: Missing, leg: Leg) -> bool:
    """Whether a movement took a currency out of the account: between its own wallets it only moved."""
    if missing.movement.type is not MovementType.TRANSFER or leg.field is not Field.TOTAL:
        return False
    left = money.ZERO
    for other, amount in missing.effects.items():
        if other.currency == leg.currency and other.field is Field.TOTAL:
            left = money.add(left, amount)
    return left < 0 and missing.effects[leg] < 0


@dataclass(slots=True)
class Ripening:
    """Since when how much has been without an explanation: one that grows with each fill must not be young for ever.

    Both lists rise: at least `_amounts[i]` has been unexplained since `_since[i]` (monotonic us).
    """

    _amounts: list[Decimal] = field(default_factory=list)
    _since: list[int] = field(default_factory=list)

    def observe(self, amount: Decimal, now_us: int) -> None:
        """So much is unexplained now."""
        since_us = now_us
        while self._amounts and self._amounts[-1] >= amount:
            self._amounts.pop()
            since_us = self._since.pop()
        self._amounts.append(amount)
        self._since.append(since_us)

    def restart(self, after_us: int, now_us: int) -> None:
        """What has been unexplained since after an instant counts from now on."""
        count = bisect_right(self._since, after_us)
        if count < len(self._since):
            self._amounts[count:], self._since[count:] = self._amounts[-1:], [now_us]

    def ripe(self, until_us: int) -> Decimal:
        """How much has been unexplained since that instant or longer."""
        count = bisect_right(self._since, until_us)
        if not count:
            return money.ZERO
        # what is older matters no more: this keeps the lists as short as the time that ripening takes
        del self._amounts[: count - 1], self._since[: count - 1]
        return self._amounts[0]
