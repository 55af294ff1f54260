"""Listens to the service and takes down what it says, beside what was done to it."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from reconcile_actors.cli.play.script import US, Misdeed, Script
from reconcile_actors.cli.play.sightings import Mood, Sight, Sightings
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, Kind
from reconcile_actors.domain.report import ReconciliationStatus
from reconcile_actors.messages import (
    ActorRestarted,
    AdjustmentProposed,
    ApprovalRequested,
    DiscrepancyConfirmed,
    DiscrepancyDetected,
    DiscrepancyResolved,
    Event,
    ExchangeDegraded,
    ExchangeRecovered,
    PortfolioAdjusted,
    ReconciliationCompleted,
    TradingHaltRequested,
)


@dataclass(slots=True)
class Tally:
    """One account's row in the table at the end. `latency_us` is from what happened to its first confirmation."""

    passes: int = 0
    matched: int = 0
    unknown: int = 0
    discrepancies: set[str] = field(default_factory=set)
    latency_us: int | None = None


@dataclass(slots=True)
class Witness:
    """`tallies` by account. `adjusted` counts what was posted to each."""

    script: Script
    sightings: Sightings
    tallies: dict[str, Tally]
    adjusted: Counter[str] = field(default_factory=Counter)
    false_alarms: list[BalanceDiscrepancy] = field(default_factory=list)
    _fill_ids: set[str] = field(default_factory=set)
    _backfilled: bool = False

    def take(self, event: Event) -> None:
        """One event."""
        match event:
            case ReconciliationCompleted(report=report):
                self._pass(report.exchange, report.status, report.unknown_reason)
            case DiscrepancyDetected(discrepancy=one) if one.kind is Kind.PRECISION:
                self._remainder(one)
            case DiscrepancyConfirmed(discrepancy=one):
                self._confirmed(one)
            case DiscrepancyResolved(discrepancy=one):
                self._resolved(one)
            case AdjustmentProposed(adjustment=proposal):
                self._explained(proposal.exchange, {line.id for line in proposal.lines})
            case PortfolioAdjusted():
                self._adjusted(event)
            case ApprovalRequested(discrepancy=one, reason=reason):
                self._held(one, reason)
            case TradingHaltRequested(halt=halt):
                if self.script.theft is not None and halt.exchange == self.script.theft.account:
                    text = f"trading halt requested: {halt.reason}"
                    self.sightings.see(Sight.HALT, halt.exchange, text, Mood.TROUBLE)
            case _:
                self._life(event)

    @property
    def compared(self) -> bool:
        """Whether every account has matched."""
        return all(one.matched for one in self.tallies.values())

    def _pass(self, account: str, status: ReconciliationStatus, reason: str | None) -> None:
        tally = self.tallies[account]
        tally.passes += 1
        tally.matched += status is ReconciliationStatus.MATCHED
        tally.unknown += status is ReconciliationStatus.UNKNOWN
        if self.compared:
            self.sightings.see(Sight.MATCHED, "", "every account matched while its bot trades", Mood.GOOD)
        if status is ReconciliationStatus.UNKNOWN and account in self.script.garbled:
            self.sightings.see(Sight.GARBAGE, account, f"unknown ({reason}): nothing follows from such an answer")

    def _remainder(self, one: BalanceDiscrepancy) -> None:
        expected = self.script.remainder
        if expected is not None and expected.explains(one.exchange, one.currency, one.detected_at):
            self.sightings.see(Sight.REMAINDER, one.exchange, f"a remainder of rounding in {one.currency}: precision")

    def _confirmed(self, one: BalanceDiscrepancy) -> None:
        misdeed = self._misdeed_of(one)
        tally = self.tallies[one.exchange]
        tally.discrepancies.add(one.id)
        if misdeed is None:
            self.false_alarms.append(one)
            self.sightings.tell(one.exchange, f"a false alarm: {one.id}", Mood.TROUBLE)
            return
        if tally.latency_us is None and one.confirmed_at is not None:
            tally.latency_us = one.confirmed_at - misdeed.since_at
            seconds = tally.latency_us / US
            self.sightings.tell(one.exchange, f"found after {seconds:.1f} s: {one.id} ({one.cause})", Mood.FOUND)
        if misdeed is self.script.fill:
            self._fill_ids.add(one.id)
            self.sightings.see(Sight.FILL_FOUND, one.exchange, "the forgotten fill is found")
            self._explained(one.exchange, one.evidence)

    def _explained(self, account: str, evidence: Collection[str | None]) -> None:
        """History may name a movement a moment after reads have shown that it is missing."""
        fill = self.script.fill
        if fill is not None and fill.id in evidence:
            text = f"explained by the exchange's own history: {fill.id}"
            self.sightings.see(Sight.FILL_EXPLAINED, account, text)

    def _misdeed_of(self, one: BalanceDiscrepancy) -> Misdeed | None:
        return next(
            (each for each in self.script.misdeeds if each.explains(one.exchange, one.currency, one.detected_at)), None
        )

    def _adjusted(self, event: PortfolioAdjusted) -> None:
        adjustment, fill = event.adjustment, self.script.fill
        self.adjusted[adjustment.exchange] += 1
        if fill is not None and any(line.id == fill.id for line in adjustment.lines):
            self._backfilled = True
            text = f"backfilled under its own id: {fill.id}"
            self.sightings.see(Sight.FILL_BACKFILLED, adjustment.exchange, text, Mood.GOOD)

    def _resolved(self, one: BalanceDiscrepancy) -> None:
        if one.id in self._fill_ids and self._backfilled:
            self._fill_ids.discard(one.id)
            if not self._fill_ids:
                text = "proven: the next read of the exchange agrees"
                self.sightings.see(Sight.FILL_PROVEN, one.exchange, text, Mood.GOOD)

    def _held(self, one: BalanceDiscrepancy, reason: str) -> None:
        theft = self.script.theft
        if theft is not None and theft.explains(one.exchange, one.currency, one.detected_at):
            self.sightings.see(Sight.THEFT_HELD, one.exchange, f"held for a person: {one.id} ({reason})")

    def _life(self, event: Event) -> None:
        match event:
            case ExchangeDegraded(exchange=account, reason=reason) if account in self.script.out:
                self.sightings.see(Sight.BREAKER_OPENED, account, f"circuit breaker open ({reason})", Mood.TROUBLE)
            case ExchangeRecovered(exchange=account) if self.sightings.has(Sight.BREAKER_OPENED):
                text = "circuit breaker closed: a valid snapshot again"
                self.sightings.see(Sight.BREAKER_CLOSED, account, text, Mood.GOOD)
            case ActorRestarted(actor=actor, epoch=epoch):
                account = actor.partition(":")[2]
                self.sightings.see(
                    Sight.CRASHED, account, f"its actor crashed and runs again (epoch {epoch})", Mood.GOOD
                )
            case _:
                pass  # no part of the play
