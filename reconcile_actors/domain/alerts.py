"""What a person is told unasked: which events are alerts, under which key, how severe, and in which words.

An alert holds no amount, no balance and no text of an exchange (I7): what a difference is worth is told as a band. Its key
is stable over restarts, so that whoever receives it can tell a reminder from news and an end from a beginning.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import Final

from reconcile_actors.domain.adjustment import Adjustment
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, Severity, State
from reconcile_actors.domain.halt import TradingHalt
from reconcile_actors.domain.ledger import Json, OutboxRow
from reconcile_actors.domain.register import Change

ALERT: Final = "alert"
"""The `kind` of an alert's row in the outbox."""
BANDS: Final = tuple(Decimal(10) ** power for power in range(1, 7))
WORTH_UNKNOWN: Final = "worth unknown"
UNREADABLE: Final = "unreadable"
SAY_WHY: Final = " --reason TEXT"
_WORD: Final = re.compile(r"[a-z_]{1,30}")  # the reasons of this project; another's may hold anything


class AlertKind(StrEnum):
    """What an alert is about; docs/alerts.md says of each what to do."""

    DISCREPANCY = "discrepancy"
    DEGRADED = "degraded"
    PARKED = "parked"
    UNKNOWN = "unknown"
    STORE = "store"
    HALT = "halt"
    REPAIR = "repair"
    TEST = "test"

    @property
    def ends_with_process(self) -> bool:
        """Whether nothing but a process that runs can say that it still holds."""
        return self in {AlertKind.DEGRADED, AlertKind.PARKED, AlertKind.UNKNOWN}


class Phase(StrEnum):
    """A condition begins or goes on (`firing`), and ends (`resolved`); a `note` tells what is done and over."""

    FIRING = "firing"
    RESOLVED = "resolved"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Alert:
    """What is told of one condition. `id` is what it is about, where that has an id of its own; `value` is a band.

    `again` says that what happened is more of the same and still news: a second loss behind the first.
    """

    kind: AlertKind
    key: str
    phase: Phase
    severity: Severity
    account: str | None
    text: str
    advice: str
    state: str | None = None
    currency: str | None = None
    cause: str | None = None
    id: str | None = None
    value: str | None = None
    again: bool = False

    @property
    def said(self) -> str:
        """What a person would have to be told anew: the same again is a repetition."""
        return "|".join((self.phase, self.severity, self.state or "", self.value or ""))

    def row(self) -> OutboxRow:
        """Its form for the outbox, written in the same unit of work as what it tells of."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        body = {name: str(value) for name, value in values.items() if name != "again" and value is not None}
        return OutboxRow(ALERT, {**body, "again": self.again})


def alert_from(body: Mapping[str, Json]) -> Alert:
    """The inverse of `Alert.row`. Raises ValueError for what is no alert."""
    texts = {name: value for name, value in body.items() if isinstance(value, str)}
    return Alert(
        kind=AlertKind(texts.get("kind", "")),
        key=texts.get("key", ""),
        phase=Phase(texts.get("phase", "")),
        severity=Severity(texts.get("severity", "")),
        account=texts.get("account"),
        text=texts.get("text", ""),
        advice=texts.get("advice", ""),
        **{name: texts.get(name) for name in ("state", "currency", "cause", "id", "value")},
        again=body.get("again") is True,
    )


def band_of(value_usd: Decimal | None) -> str:
    """What something is worth, to the power of ten: `10 to 100 USD`."""
    if value_usd is None:
        return WORTH_UNKNOWN
    below = next((bound for bound in BANDS if value_usd < bound), None)
    if below is None:
        return f"over {BANDS[-1]:,} USD"
    return f"below {below:,} USD" if below == BANDS[0] else f"{below / 10:,f} to {below:,} USD"


def alert_of(change: Change) -> OutboxRow | None:
    """The alert that a change of a discrepancy is, if it is one: news of a loss past doubt, or its end."""
    before, after = change.before, change.after
    was_loss = before is not None and before.is_loss
    if not after.is_loss:
        return _discrepancy(after, Phase.RESOLVED, _END.get(after.state, _GONE)).row() if was_loss else None
    if before is None or not was_loss:
        return _discrepancy(after, Phase.FIRING, _NEWS.get(after.state, _DIFFERS)).row()
    moved = before.difference != after.difference
    if after.state is not before.state and after.state in _NEWS:
        return _discrepancy(after, Phase.FIRING, _NEWS[after.state], again=moved).row()
    if moved:
        return _discrepancy(after, Phase.FIRING, "differs by another amount than was told", again=True).row()
    if _adds(before, after):
        return _discrepancy(after, Phase.FIRING, _DIFFERS).row()
    return None


def _adds(before: BalanceDiscrepancy, after: BalanceDiscrepancy) -> bool:
    """Whether what was not known before is: that it weighs more, or its cause. Of the two the latter alone is no news."""
    graver = after.severity is not before.severity and after.severity.at_least(before.severity)
    return graver or (after.cause != before.cause and after.cause is not None)


_DIFFERS: Final = "differs between the book and the exchange"
_GONE: Final = "agrees again"
_NEWS: Final = {
    State.AWAITING_APPROVAL: "differs, and its repair waits for a person's approval",
    State.REOPENED: "differs again: what was thought settled is not",
}
_END: Final = {State.IGNORED: "differs, and is expected to from now on"}


def _discrepancy(one: BalanceDiscrepancy, phase: Phase, what: str, *, again: bool = False) -> Alert:
    waits = one.state is State.AWAITING_APPROVAL
    return Alert(
        kind=AlertKind.DISCREPANCY,
        key=one.id,
        phase=phase,
        severity=one.severity,
        account=one.exchange,
        text=f"{one.exchange}: {one.currency} ({one.field}, wallet {one.wallet}) {what}",
        advice=f"reconcile-actors discrepancies {'approve' if waits else 'show'} {one.id} -c CONFIG{SAY_WHY if waits else ''}",
        state=one.state,
        currency=one.currency,
        cause=one.cause,
        id=one.id,
        value=band_of(one.value_usd),
        again=again,
    )


def halt_alert(halt: TradingHalt) -> OutboxRow:
    """A trading halt was asked for, or, with `released_at`, released."""
    over = halt.released_at is not None
    what = "trading may go on" if over else "trading should stop"
    return Alert(
        kind=AlertKind.HALT,
        key=halt.id,
        phase=Phase.RESOLVED if over else Phase.FIRING,
        severity=Severity.ERROR,
        account=halt.exchange,
        text=f"{halt.exchange}: {what}",
        advice=f"reconcile-actors halt release {halt.id} -c CONFIG{SAY_WHY}",
        cause=halt.reason,
        id=halt.id,
    ).row()


def repair_alert(adjustment: Adjustment) -> OutboxRow:
    """An adjustment was posted to the book."""
    return Alert(
        kind=AlertKind.REPAIR,
        key=adjustment.id,
        phase=Phase.NOTE,
        severity=Severity.INFO,
        account=adjustment.exchange,
        text=f"{adjustment.exchange}: the book was repaired ({adjustment.action}), and the trading process is told",
        advice=f"reconcile-actors discrepancies list --exchange {adjustment.exchange} --all -c CONFIG",
        state=adjustment.action,
        id=adjustment.id,
    ).row()


def degraded_alert(account: str, reason: str, *, over: bool = False) -> OutboxRow:
    """An account's circuit breaker opened, or closed again. A reason that is no word of ours is not repeated."""
    return Alert(
        kind=AlertKind.DEGRADED,
        key=f"{account}:degraded",
        phase=Phase.RESOLVED if over else Phase.FIRING,
        severity=Severity.WARNING,
        account=account,
        text=f"{account}: {'the exchange answers again' if over else 'the exchange cannot be read'}",
        advice=f"reconcile-actors exchanges resume {account} -c CONFIG",
        cause=None if over else _word(reason),
    ).row()


def parked_alert(actor: str, account: str | None, *, over: bool = False) -> OutboxRow:
    """An actor crashed too often and stays down, or runs again."""
    return Alert(
        kind=AlertKind.PARKED,
        key=f"{actor}:parked",
        phase=Phase.RESOLVED if over else Phase.FIRING,
        severity=Severity.ERROR,
        account=account,
        text=f"the actor {actor} {'runs again' if over else 'crashed too often and stays down'}",
        advice=f"reconcile-actors exchanges resume {account} -c CONFIG" if account else "restart the service",
    ).row()


def unknown_alert(account: str, reason: str, *, over: bool = False) -> OutboxRow:
    """An account has been unknown for long, or is compared again (I1: unknown is never zero, and no place to hide)."""
    return Alert(
        kind=AlertKind.UNKNOWN,
        key=f"{account}:unknown",
        phase=Phase.RESOLVED if over else Phase.FIRING,
        severity=Severity.WARNING,
        account=account,
        text=f"{account}: {'is compared again' if over else 'has not been compared for long'}",
        advice="reconcile-actors status -c CONFIG",
        cause=None if over else _word(reason),
    ).row()


def store_alert(reason: str, *, over: bool = False) -> Alert:
    """The store cannot be written, or can be again. It cannot stand in the outbox of a store that fails."""
    return Alert(
        kind=AlertKind.STORE,
        key="store",
        phase=Phase.RESOLVED if over else Phase.FIRING,
        severity=Severity.ERROR,
        account=None,
        text=f"the store {'is written again' if over else 'cannot be written: nothing new is recorded'}",
        advice="reconcile-actors status -c CONFIG",
        cause=None if over else reason,
    )


def lapsed_alert(alert: Alert) -> Alert:
    """The end of a condition that was never seen again after a restart."""
    return Alert(
        kind=alert.kind,
        key=alert.key,
        phase=Phase.RESOLVED,
        severity=alert.severity,
        account=alert.account,
        text=f"{alert.key}: not seen again since the service was started",
        advice=alert.advice,
        id=alert.id,
    )


def sample_alert(sink: str) -> Alert:
    """What `alerts test` sends."""
    return Alert(
        kind=AlertKind.TEST,
        key=f"test:{sink}",
        phase=Phase.NOTE,
        severity=Severity.INFO,
        account=None,
        text="a test: alerts of this service arrive here",
        advice="nothing is to be done",
    )


def _word(reason: str) -> str:
    return reason if _WORD.fullmatch(reason) else UNREADABLE
