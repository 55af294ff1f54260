"""What a reconciliation actor tells itself: timers, and the outcomes of I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconcile_actors.actors.account import Prepared
from reconcile_actors.domain.halting import HaltRecord
from reconcile_actors.domain.movements import Movement
from reconcile_actors.domain.snapshot import Snapshot, Unreadable
from reconcile_actors.domain.valuation import Price
from reconcile_actors.exchanges.port import History
from reconcile_actors.kernel.behaviour import Outcome


@dataclass(frozen=True, slots=True)
class Ready:
    """The gateway is open, or cannot be opened."""

    outcome: Outcome[Prepared]


@dataclass(frozen=True, slots=True)
class OpeningDue:
    """Time to try the opening again."""


@dataclass(frozen=True, slots=True)
class ReadDue:
    """Time for the next read."""


@dataclass(frozen=True, slots=True)
class ReadDone:
    """A read ended."""

    outcome: Outcome[Snapshot | Unreadable]


@dataclass(frozen=True, slots=True)
class SettleDue:
    """The oldest waiting read may be settled."""


@dataclass(frozen=True, slots=True)
class DoubtRaised:
    """A read differed a moment ago: history may name the cause."""


@dataclass(frozen=True, slots=True)
class HistoryDue:
    """Time for the next look into the exchange's history."""


@dataclass(frozen=True, slots=True)
class CheckDue:
    """What history showed last may be told for missing now."""


@dataclass(frozen=True, slots=True)
class HistoryRead:
    """A look into the history ended."""

    outcome: Outcome[History]


@dataclass(frozen=True, slots=True)
class EvidenceRead:
    """The exchange's own words on movements that history named, or not: then `movements` as the ledger told them."""

    movements: Sequence[Movement] = field(repr=False)
    outcome: Outcome[Sequence[Movement]]


@dataclass(frozen=True, slots=True)
class PricesRead:
    """Prices came, or not."""

    outcome: Outcome[Mapping[str, Price]]


@dataclass(frozen=True, slots=True)
class PassDue:
    """Time for the next full pass."""


@dataclass(frozen=True, slots=True)
class PassDeadline:
    """A pass has had its time."""

    started_us: int


@dataclass(frozen=True, slots=True)
class HaltsRead:
    """The trading halts were read back from the store, or not."""

    outcome: Outcome[tuple[HaltRecord, ...]]


@dataclass(frozen=True, slots=True)
class HaltsDue:
    """Time to say again that trading should stop, or to read the halts anew."""


@dataclass(frozen=True, slots=True)
class PostingDue:
    """A repair that was to be posted should be answered by now."""

    token: int


@dataclass(frozen=True, slots=True)
class OrderDue:
    """A person's order has had its time."""

    number: int


@dataclass(frozen=True, slots=True)
class GatewayClosed:
    """The gateway is closed, so the actor may end."""

    outcome: Outcome[None]


@dataclass(frozen=True, slots=True)
class UnknownDue:
    """The account may have been unknown for long."""
