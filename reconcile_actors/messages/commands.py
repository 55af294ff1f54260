"""What an operator or the embedding program asks of the system."""

from typing import Annotated, Literal

from pydantic import StrictBool, StringConstraints

from reconcile_actors.messages.base import ExchangeMessage, Message, Name

# Made by the service, e.g. kraken-main:spot:BTC:total:1; a symbol may stand in it.
DiscrepancyId = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,300}$")]
PostingId = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,400}$")]


class ReconcileNow(ExchangeMessage):
    """Run a full pass of one account now; the reply is its ReconciliationReport."""


class ReconcileAll(Message):
    """Run a full pass of every account now; the reply is a tuple of reports in the configuration's order."""


class _OperatorCommand(ExchangeMessage):
    """What a person orders. `claimed_by` is a name that somebody gave; `actor` is who it was, as the Unix socket proves it.

    `actor` is no part of the JSON form that is accepted: the receiving side fills it in.
    """

    reason: Annotated[str, StringConstraints(max_length=500)] = ""
    claimed_by: Annotated[str, StringConstraints(max_length=100)] | None = None
    actor: str | None = None


class PauseExchange(_OperatorCommand):
    """Stop reading one account until it is resumed; meanwhile it is unknown (`paused`)."""


class ResumeExchange(_OperatorCommand):
    """Read a paused, parked or broken-off account again."""


class _Resolution(_OperatorCommand):
    """A person's decision about one discrepancy; the reply is Recorded, `refused` with a reason where it cannot be done."""

    id: DiscrepancyId


class ApproveResolution(_Resolution):
    """Do what was proposed for a discrepancy that waits for approval."""


class RejectResolution(_Resolution):
    """Do not do what was proposed: the discrepancy stands, and is not proposed again as long as it is the same."""


class OverrideResolution(_Resolution):
    """Do this instead of what was proposed: `backfill` what history names, or `adopt` the whole difference."""

    action: Literal["backfill", "adopt"]


class IgnoreDiscrepancy(_Resolution):
    """Expect this difference from now on; another amount is another discrepancy. Possible in observe mode too."""


class AcknowledgeAdjustment(ExchangeMessage):
    """From the trading process: it has taken an adjustment over, and need not be told again."""

    id: PostingId


class AcknowledgeHalt(ExchangeMessage):
    """From the trading process: it has stopped trading on the account."""

    id: PostingId


class ReleaseHalt(_OperatorCommand):
    """Trading may go on: the reason of a halt is dealt with."""

    id: PostingId


class GetHalts(Message):
    """The trading halts that stand, of one account or all; the reply is a tuple of TradingHalt."""

    exchange: Name | None = None


class GetProposals(ExchangeMessage):
    """What would be done about the discrepancies that stand, armed or not; the reply is a tuple of ProposedRepair."""


class GetPortfolio(Message):
    """The local book, of one account or all; the reply is a PortfolioView."""

    exchange: Name | None = None


class GetStatus(Message):
    """How every account and actor is doing; the reply is a StatusView."""


class GetDiscrepancies(Message):
    """The discrepancies known, open ones alone unless `include_closed`; the reply is a tuple of BalanceDiscrepancy."""

    exchange: Name | None = None
    id: str | None = None
    include_closed: StrictBool = False
