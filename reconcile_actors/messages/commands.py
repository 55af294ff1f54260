"""What an operator or the embedding program asks of the system."""

from typing import Annotated

from pydantic import StringConstraints

from reconcile_actors.messages.base import ExchangeMessage, Message, Name


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


class GetPortfolio(Message):
    """The local book, of one account or all; the reply is a PortfolioView."""

    exchange: Name | None = None


class GetStatus(Message):
    """How every account and actor is doing; the reply is a StatusView."""


class GetDiscrepancies(Message):
    """The discrepancies known, open ones alone unless `include_closed`; the reply is a tuple of BalanceDiscrepancy."""

    exchange: Name | None = None
    id: str | None = None
    include_closed: bool = False
