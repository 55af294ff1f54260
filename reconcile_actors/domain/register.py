"""The discrepancies of one account: one an open leg, each with its episode, valued and ranked."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.causes import Missing, cause_of
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, Kind, State, discrepancy_id, kind_of
from reconcile_actors.domain.valuation import Prices, price_of, severity_of, value_usd

EVIDENCE_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Change:
    """A discrepancy that came, changed or went; `before` is None for a new one."""

    before: BalanceDiscrepancy | None
    after: BalanceDiscrepancy

    @property
    def was_confirmed(self) -> bool:
        """Whether it was past doubt before."""
        return self.before is not None and self.before.state.is_confirmed


@dataclass(slots=True)
class Register:
    """Opens, updates and closes discrepancies; every method returns what changed, and nothing else keeps their state.

    `episodes` holds the highest episode ever given to a leg, over restarts too. `open` holds the ignored ones too, which are
    expected as long as they stay the same. `proves_us` says from when on (monotonic us) a read shows whether the repair of a
    discrepancy (its id) has worked.
    """

    exchange: str
    threshold_usd: Decimal
    episodes: dict[Leg, int] = field(default_factory=dict)
    open: dict[Leg, BalanceDiscrepancy] = field(default_factory=dict)
    prices: Prices = field(default_factory=dict)
    proves_us: dict[str, int] = field(default_factory=dict)

    def observe(
        self,
        leg: Leg,
        *,
        local: Decimal | None,
        exchange_value: Decimal | None,
        difference: Decimal,
        tolerance: Decimal,
        now_at: int,
        confirmed: bool,
        missing: tuple[Missing, ...] | None = None,
        shown_us: int | None = None,
    ) -> list[Change]:
        """A difference of one leg as it stands now: a new episode, or the open one brought up to date.

        An open one whose difference changes by rounding alone has not changed, though both sides move as trading goes on.
        Rounding is no loss: what was one and becomes the other is over, and a new episode begins. `missing` is what history
        names on the leg; None where it is not known. `shown_us` is when the read that shows it was asked for (monotonic us).
        """
        before, difference = self.open.get(leg), money.tidy(difference)
        # a missing movement is missing, even where several add up to nothing
        kind = Kind.MISSING_LOCAL if leg.field is Field.MOVEMENT else kind_of(local, exchange_value, tolerance)
        over: list[Change] = []
        if before is not None and (before.kind is Kind.PRECISION) != (kind is Kind.PRECISION):
            over, before = self.close(leg, now_at), None
        if before is not None and kind is not Kind.PRECISION and local is not None and exchange_value is not None:
            moved = money.EXACT.abs(money.subtract(difference, before.difference))
            if moved <= tolerance:
                difference = before.difference
                local = money.subtract(exchange_value, difference)
        if before is not None and before.state is State.IGNORED:
            if difference == before.difference:
                return []
            over, before = self.close(leg, now_at), None  # what is ignored is this amount, and no other
        known = before if before is not None else self._begin(leg, kind, difference, now_at)
        state = self._state_after(known, difference, shown_us, confirmed=confirmed)
        after = replace(
            known,
            kind=kind,
            local=local,
            exchange_value=exchange_value,
            difference=difference,
            tolerance=tolerance,
            state=state,
            confirmed_at=known.confirmed_at if known.confirmed_at is not None or not state.is_confirmed else now_at,
        )
        after = self._priced(_explained(after, leg, missing))
        self.open[leg] = after
        unchanged = before is not None and _is_unchanged(before, after)
        return over if unchanged else [*over, Change(before, after)]

    def _state_after(
        self, one: BalanceDiscrepancy, difference: Decimal, shown_us: int | None, *, confirmed: bool
    ) -> State:
        """The state once a difference is observed: a candidate becomes certain, another amount is decided anew, and what is
        still there after its repair has not been repaired."""
        match one.state:
            case State.CANDIDATE if confirmed:
                return State.CONFIRMED
            case State.AWAITING_APPROVAL if difference != one.difference:
                return State.CONFIRMED
            case State.REPAIRING if confirmed and shown_us is not None:
                return State.REOPENED if shown_us >= self.proves_us.get(one.id, 0) else State.REPAIRING
            case _:
                return one.state

    def _begin(self, leg: Leg, kind: Kind, difference: Decimal, now_at: int) -> BalanceDiscrepancy:
        episode = self.episodes.get(leg, 0) + 1
        self.episodes[leg] = episode
        return BalanceDiscrepancy(
            id=discrepancy_id(self.exchange, leg, episode),
            exchange=self.exchange,
            wallet=leg.wallet,
            currency=leg.currency,
            field=leg.field,
            episode=episode,
            kind=kind,
            severity=severity_of(None, kind, leg.field, self.threshold_usd),
            local=None,
            exchange_value=None,
            difference=difference,
            value_usd=None,
            tolerance=money.ZERO,
            cause=None,
            state=State.CANDIDATE,
            detected_at=now_at,
        )

    def _priced(self, one: BalanceDiscrepancy) -> BalanceDiscrepancy:
        price = price_of(one.currency, self.prices)
        if price is None and one.price_source is not None and one.value_usd is not None:
            return one  # after a restart: what it was worth holds until there is a price again
        value = value_usd(one.difference, price)
        severity = severity_of(value, one.kind, one.field, self.threshold_usd)
        return replace(
            one,
            value_usd=value,
            severity=severity.raised if one.state is State.REOPENED else severity,
            price_source=price.source if price else None,
            price_at=price.at if price else None,
        )

    def close(self, leg: Leg, now_at: int) -> list[Change]:
        """The two sides agree again. A candidate that goes was a matter of timing."""
        before = self.open.pop(leg, None)
        if before is None:
            return []
        self.proves_us.pop(before.id, None)
        return [Change(before, before.resolved(now_at, kind=Kind.TIMING if before.state is State.CANDIDATE else None))]

    def mark(self, leg: Leg, state: State) -> list[Change]:
        """What was decided about an open discrepancy."""
        before = self.open[leg]
        if before.state is state:
            return []
        after = self._priced(replace(before, state=state))
        self.open[leg] = after
        return [Change(before, after)]

    def revalue(self, prices: Prices) -> list[Change]:
        """New prices: severities follow."""
        self.prices = prices
        changes = []
        for leg, before in self.open.items():
            after = self._priced(before)
            if (after.severity, after.price_source) != (before.severity, before.price_source):
                self.open[leg] = after
                changes.append(Change(before, after))
        return changes

    @property
    def is_repairing(self) -> bool:
        """Whether a repair waits to be proved."""
        return any(one.state is State.REPAIRING for one in self.open.values())

    def unpriced(self, oldest_at: int = 0) -> frozenset[str]:
        """Currencies of open discrepancies that have no price yet, or one older than `oldest_at` (UTC us)."""
        names = {one.currency.split("/", 1)[0] for one in self.all_open()}
        prices = {name: price_of(name, self.prices) for name in names}
        return frozenset(name for name, one in prices.items() if one is None or (one.at or oldest_at) < oldest_at)

    def all_open(self) -> tuple[BalanceDiscrepancy, ...]:
        """Every open discrepancy, in a stable order."""
        return tuple(self.open[leg] for leg in sorted(self.open) if self.open[leg].state.is_open)


def _is_unchanged(before: BalanceDiscrepancy, after: BalanceDiscrepancy) -> bool:
    """Whether nothing is new but the balances between which the same difference stands. How rounding changes is never new."""
    still = replace(
        before,
        local=after.local,
        exchange_value=after.exchange_value,
        tolerance=after.tolerance,
        value_usd=after.value_usd,
        price_at=after.price_at,
    )
    if after.kind is Kind.PRECISION:
        still = replace(still, difference=after.difference)
    return still == after


def _explained(one: BalanceDiscrepancy, leg: Leg, missing: tuple[Missing, ...] | None) -> BalanceDiscrepancy:
    """With its cause: what history names, else nothing that could explain it. Rounding needs no cause, a guess has none yet."""
    if one.kind is Kind.PRECISION or (not missing and not one.state.is_confirmed) or (missing is None and one.cause):
        return one
    if not missing:
        return replace(one, cause="unexplained", evidence=(), explained=None)
    explained = money.ZERO
    for each in missing:
        explained = money.add(explained, each.effects.get(leg, money.ZERO))
    ids = sorted(each.id for each in missing)[:EVIDENCE_MAX]
    residual = money.EXACT.abs(money.subtract(one.difference, explained))
    # a cause that accounts for the smaller part only would send a person looking in the wrong place
    cause = cause_of(missing, leg) if residual <= money.EXACT.abs(explained) else "unexplained"
    return replace(one, cause=cause, evidence=tuple(ids), explained=money.tidy(explained))
