"""Exit codes, one table for every command, and which of them a set of reports amounts to."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, Final

SEVERITIES: Final = ("info", "warning", "error")
_CLOSED: Final = frozenset({"resolved", "ignored"})


class ExitCode(IntEnum):
    """What a command's end means. `audit verify` has a table of its own (its verdicts)."""

    BALANCED = 0
    DISCREPANT = 1
    USAGE = 2
    UNKNOWN = 3
    AWAITING_APPROVAL = 4
    AUDIT_BROKEN = 5
    CONFIGURATION = 10
    ALREADY_RUNNING = 11
    CREDENTIALS = 12
    STORE = 13
    NO_DAEMON = 14
    INTERNAL = 70
    INTERRUPTED = 130
    TERMINATED = 143


def of_reports(reports: Sequence[Mapping[str, Any]], *, fail_on: str = "warning", audit_ok: bool = True) -> ExitCode:
    """The exit code of reports in their JSON form. Where several hold: 5, then 1, then 3, then 4.

    An unknown must not mask a confirmed loss. A candidate at or above `fail_on` is neither balanced nor confirmed, so it
    counts as "could not check" (I1). Accounts that were all refused for their credentials are 12: no retry will help.
    """
    if not audit_ok:
        return ExitCode.AUDIT_BROKEN
    counted = [one for report in reports for one in report["discrepancies"] if _counts(one, fail_on)]
    if any(one["state"] not in {"candidate", "awaiting_approval"} for one in counted):
        return ExitCode.DISCREPANT
    reasons = [report["unknown_reason"] for report in reports if report["unknown_reason"] is not None]
    if reasons and len(reasons) == len(reports) and set(reasons) == {"credentials"}:
        return ExitCode.CREDENTIALS
    if not reports or reasons or any(one["state"] == "candidate" for one in counted):
        return ExitCode.UNKNOWN
    return ExitCode.AWAITING_APPROVAL if counted else ExitCode.BALANCED


def _counts(discrepancy: Mapping[str, Any], fail_on: str) -> bool:
    at_or_above = SEVERITIES.index(discrepancy["severity"]) >= SEVERITIES.index(fail_on)
    return at_or_above and discrepancy["state"] not in _CLOSED
