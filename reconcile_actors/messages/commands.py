"""What an operator or the embedding program asks of the system."""

from reconcile_actors.messages.base import ExchangeMessage, Message, Name


class ReconcileNow(ExchangeMessage):
    """Run a full pass of one account now; the reply is its ReconciliationReport."""


class ReconcileAll(Message):
    """Run a full pass of every account now; the reply is a tuple of reports in the configuration's order."""


class PauseExchange(ExchangeMessage):
    """Stop reading one account until it is resumed; meanwhile it is unknown (`paused`)."""

    reason: str = ""
    claimed_by: str | None = None


class ResumeExchange(ExchangeMessage):
    """Read a paused, parked or broken-off account again."""

    reason: str = ""
    claimed_by: str | None = None


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
