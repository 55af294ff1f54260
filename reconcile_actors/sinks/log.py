"""The log as a sink: one structured line an alert."""

from typing import Final

from reconcile_actors.domain.alerts import Phase
from reconcile_actors.domain.discrepancy import Severity
from reconcile_actors.logger import logger
from reconcile_actors.sinks.port import Acknowledged, Notice, Result

_LEVELS: Final = {Severity.INFO: "INFO", Severity.WARNING: "WARNING", Severity.ERROR: "ERROR"}


class LogSink:
    """What ends, and what is over when it is told, is logged as info whatever its severity."""

    def __init__(self, name: str, min_severity: Severity) -> None:
        self.name = name
        self.min_severity = min_severity
        self.timeout_seconds = 5.0

    async def deliver(self, notice: Notice) -> Result:
        """Writes the line; always acknowledged."""
        one = notice.alert
        level = _LEVELS[one.severity] if one.phase is Phase.FIRING else "INFO"
        logger.bind(
            key=one.key,
            kind=one.kind,
            phase=one.phase,
            severity=one.severity,
            account=one.account,
            state=one.state,
            cause=one.cause,
            value=one.value,
            reminder=notice.reminder or None,
            text=one.text,
            advice=one.advice,
        ).log(level, "alert")
        return Acknowledged()
