"""What is done about discrepancies: which belong together, what would repair them, and whether that may be done without a person.

Pure: the plan follows from the evidence and the policy alone. It is only asked for once the evidence is good.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256

from reconcile_actors.domain import money
from reconcile_actors.domain.adjustment import Action, Adjustment, AdjustmentLine
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.causes import Missing
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, State
from reconcile_actors.domain.losses import is_outflow
from reconcile_actors.domain.movements import Movement, MovementType, merge
from reconcile_actors.domain.suspense import counter_of
from reconcile_actors.domain.valuation import Prices, price_of, value_usd

LOCKS = frozenset({Field.LOCKED, Field.AVAILABLE})


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be posted without asking. `adopt_max_usd` is the largest remainder of a leg that nothing explains; 0 is none.

    `hold_outflow_usd`: withdrawals that nobody reported and that are worth so much together are held although history names
    them, because that is what a theft looks like.
    """

    backfill: bool = True
    adopt_max_usd: Decimal = Decimal(10)
    hold_outflow_usd: Decimal = Decimal(1000)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of an account's discrepancies.

    `open` are those that stand past doubt. `named` is what history names and reads have shown one way or the other, `pending`
    what it lists as not final yet; of what it does not `covers` it says nothing. `suspended` says up to when (UTC us) a leg
    holds everything that happened. `vague` are legs whose loss has no certain size, `rejected` the ids of discrepancies whose
    repair a person refused. `outflow_usd` is what the unreported withdrawals were worth that were posted lately without anybody.
    """

    open: Sequence[BalanceDiscrepancy]
    named: Sequence[Missing] = ()
    pending: Sequence[Movement] = ()
    suspended: Mapping[Leg, int] = field(default_factory=dict)
    steps: Mapping[str, Decimal] = field(default_factory=dict)
    prices: Prices = field(default_factory=dict)
    covers: Callable[[Leg], bool] = lambda _leg: True
    vague: frozenset[Leg] = frozenset()
    rejected: frozenset[str] = frozenset()
    outflow_usd: Decimal = money.ZERO


@dataclass(frozen=True, slots=True)
class Plan:
    """One repair: discrepancies that are connected by what history names, and what would make them go.

    `backfill` is posted under the exchange's own ids, `adopt` is what then remains, leg by leg. With `HOLD` both are what a
    person may approve, and `reason` says why one is asked: `partly_known`, `rejected`, `repair_failed`, `pending`,
    `size_unknown`, `movement_only`, `history_differs`, `history_partial`, `not_explained`, `too_large`, `unpriced`, `large_outflow` or
    `backfill_off`.
    """

    action: Action
    reason: str
    discrepancies: tuple[BalanceDiscrepancy, ...]
    legs: frozenset[Leg]
    backfill: tuple[Missing, ...] = ()
    adopt: Mapping[Leg, Decimal] = field(default_factory=dict)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its discrepancies."""
        return tuple(one.id for one in self.discrepancies)

    @property
    def proposes(self) -> bool:
        """Whether there is something to post."""
        return bool(self.backfill or self.adopt)


def plans(evidence: Evidence, policy: Policy) -> tuple[Plan, ...]:
    """A plan for each group of connected discrepancies; none for what is locked, which follows from orders and is never posted."""
    return tuple(_plan(group, evidence, policy) for group in _groups(evidence))


@dataclass(slots=True, eq=False)
class _Group:
    legs: set[Leg]
    open: list[BalanceDiscrepancy] = field(default_factory=list)
    named: list[Missing] = field(default_factory=list)


def _groups(evidence: Evidence) -> list[_Group]:
    """Discrepancies that one movement touches belong together, and so do movements that touch one leg."""
    groups: list[_Group] = []
    for one in evidence.named:
        touched = [group for group in groups if not group.legs.isdisjoint(one.effects)]
        home = touched[0] if touched else _Group(set())
        home.legs.update(one.effects)
        home.named.append(one)
        for other in touched[1:]:
            home.legs |= other.legs
            home.named += other.named
        groups = [group for group in groups if group not in touched[1:]] if touched else [*groups, home]
    for discrepancy in evidence.open:
        if discrepancy.field in LOCKS:
            continue
        place = next((group for group in groups if _belongs(discrepancy, group)), None)
        if place is None and discrepancy.field is not Field.MOVEMENT:
            place = _Group({discrepancy.leg})
            groups.append(place)
        if place is not None:
            place.open.append(discrepancy)
    return [group for group in groups if group.open]


def _belongs(one: BalanceDiscrepancy, group: _Group) -> bool:
    if one.field is not Field.MOVEMENT:
        return one.leg in group.legs
    return any((leg.wallet, leg.currency) == (one.wallet, one.currency) for leg in group.legs)


def _plan(group: _Group, evidence: Evidence, policy: Policy) -> Plan:
    differs = {one.leg: one for one in group.open if one.field is not Field.MOVEMENT}
    gained = merge(*(gain_of(one, evidence.suspended) for one in group.named))
    remainder = {}
    for leg in sorted({*differs, *gained}):
        wanted = differs[leg].difference if leg in differs else money.ZERO
        rest = money.subtract(wanted, gained.get(leg, money.ZERO))
        if money.EXACT.abs(rest) > _tolerance(leg, differs.get(leg), group, evidence):
            remainder[leg] = rest
    reason = _why_held(group, evidence) or _why_not(group, remainder, differs, evidence, policy)
    action = Action.HOLD if reason else Action.BACKFILL if group.named else Action.ADOPT
    return Plan(
        action=action,
        reason=reason or ("explained" if group.named else "small_remainder"),
        discrepancies=tuple(sorted(group.open, key=lambda one: one.id)),
        legs=frozenset(group.legs),
        backfill=tuple(group.named),
        adopt=remainder,
    )


def gain_of(one: Missing, suspended: Mapping[Leg, int]) -> Mapping[Leg, Decimal]:
    """What the book would gain: what suspense holds already is taken back at once."""
    return merge(one.effects, counter_of(one.effects, one.movement.occurred_at, suspended))


def _tolerance(leg: Leg, one: BalanceDiscrepancy | None, group: _Group, evidence: Evidence) -> Decimal:
    count = Decimal(sum(leg in missing.effects for missing in group.named))
    rounding = money.multiply(evidence.steps.get(leg.currency, money.ZERO), count)
    return max(rounding, one.tolerance if one is not None else money.ZERO)


def _why_held(group: _Group, evidence: Evidence) -> str | None:
    """What no amount could make automatic."""
    if any(one.state is State.REOPENED for one in group.open):
        return "repair_failed"
    if any(one.id in evidence.rejected for one in group.open):
        return "rejected"
    if any(one.partly_known for one in group.named):
        return "partly_known"
    if any(not group.legs.isdisjoint(one.effects) for one in evidence.pending):
        return "pending"
    return "size_unknown" if group.legs & evidence.vague else None


def _why_not(
    group: _Group,
    remainder: Mapping[Leg, Decimal],
    differs: Mapping[Leg, BalanceDiscrepancy],
    evidence: Evidence,
    policy: Policy,
) -> str | None:
    if group.named and not policy.backfill:
        return "backfill_off"
    outflow = _why_outflow(group, evidence, policy.hold_outflow_usd)
    if outflow is not None:
        return outflow
    if not differs and remainder:
        return "movement_only"
    if not remainder.keys() <= differs.keys():
        return "history_differs"  # posting would break a leg that agrees
    return _why_too_much(group, remainder, evidence, policy.adopt_max_usd) if remainder else None


def _why_outflow(group: _Group, evidence: Evidence, hold_usd: Decimal) -> str | None:
    worth = outflow_usd(group.named, evidence.prices)
    if worth is None:
        return "unpriced"
    # one large withdrawal may come as many small ones
    return "large_outflow" if worth and money.ROUNDED.add(worth, evidence.outflow_usd) >= hold_usd else None


def outflow_usd(named: Iterable[Missing], prices: Prices) -> Decimal | None:
    """What the withdrawals among these are worth together; None where one of them has no price."""
    worth = money.ZERO
    for one in named:
        for leg, amount in one.effects.items():
            if is_outflow(one, leg):
                value = value_usd(amount, price_of(leg.currency, prices))
                if value is None:
                    return None
                worth = money.ROUNDED.add(worth, value)
    return worth


def _why_too_much(
    group: _Group, remainder: Mapping[Leg, Decimal], evidence: Evidence, adopt_max_usd: Decimal
) -> str | None:
    if not all(evidence.covers(leg) for leg in remainder):
        return "history_partial"
    if not adopt_max_usd:
        return "history_differs" if group.named else "not_explained"
    values = [value_usd(rest, price_of(leg.currency, evidence.prices)) for leg, rest in remainder.items()]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return "unpriced"  # what has no price is never small
    if max(known) > adopt_max_usd:
        return "history_differs" if group.named else "too_large"
    return None


def adjustment_id(exchange: str, discrepancies: Iterable[str], attempt: int) -> str:
    """The id of a repair: the same discrepancies (their ids hold their episodes) at the same attempt are the same repair (I10)."""
    text = "\n".join((exchange, *sorted(discrepancies), str(attempt)))
    return f"{exchange}:adjustment:{sha256(text.encode()).hexdigest()[:20]}"


def adjustment_of(exchange: str, plan: Plan, attempt: int, *, decided_by: str = "policy") -> Adjustment:
    """The plan as the adjustment that would be posted. A plan that is held is an adoption or a backfill all the same."""
    lines = [
        AdjustmentLine(one.id, posted_type(one).value, leg.wallet, leg.currency, leg.field, amount, at)
        for one in plan.backfill
        for at in (one.movement.occurred_at,)
        for leg, amount in sorted(one.effects.items())
    ]
    rest = [
        AdjustmentLine(None, MovementType.ADJUSTMENT.value, leg.wallet, leg.currency, leg.field, amount)
        for leg, amount in sorted(plan.adopt.items())
    ]
    return Adjustment(
        id=adjustment_id(exchange, plan.ids, attempt),
        exchange=exchange,
        action=Action.BACKFILL if plan.backfill else Action.ADOPT,
        discrepancies=plan.ids,
        lines=(*lines, *rest),
        reason=plan.reason,
        decided_by=decided_by,
    )


def posted_type(one: Missing) -> MovementType:
    """As what a movement is posted: where the book holds a part of it, the rest is a correction under the same id."""
    return MovementType.ADJUSTMENT if one.partly_known else one.movement.type
