"""Which exit code a set of reports amounts to."""

from typing import Any

import pytest

from reconcile_actors.cli.exit_codes import ExitCode, of_reports

Report = dict[str, Any]


def report(*found: tuple[str, str], unknown: str | None = None) -> Report:
    """A report with discrepancies as (state, severity)."""
    return {
        "unknown_reason": unknown,
        "discrepancies": [{"state": state, "severity": severity} for state, severity in found],
    }


MATCHED = report()
LOSS = report(("confirmed", "error"))
WAITING = report(("awaiting_approval", "warning"))
UNKNOWN = report(unknown="unreachable")
REFUSED = report(unknown="credentials")


@pytest.mark.parametrize(
    ("reports", "code"),
    [
        ([MATCHED], ExitCode.BALANCED),
        ([], ExitCode.UNKNOWN),
        ([MATCHED, LOSS], ExitCode.DISCREPANT),
        ([report(("reopened", "warning"))], ExitCode.DISCREPANT),
        ([report(("repairing", "warning"))], ExitCode.DISCREPANT),
        ([report(("resolved", "error"), ("ignored", "error"))], ExitCode.BALANCED),
        ([report(("confirmed", "info"))], ExitCode.BALANCED),
        ([report(("candidate", "warning"))], ExitCode.UNKNOWN),
        ([report(("candidate", "info"))], ExitCode.BALANCED),
        ([UNKNOWN, MATCHED], ExitCode.UNKNOWN),
        ([REFUSED, MATCHED], ExitCode.UNKNOWN),
        ([REFUSED, UNKNOWN], ExitCode.UNKNOWN),
        ([REFUSED, REFUSED], ExitCode.CREDENTIALS),
        ([WAITING, MATCHED], ExitCode.AWAITING_APPROVAL),
        ([WAITING, UNKNOWN], ExitCode.UNKNOWN),
        ([WAITING, LOSS], ExitCode.DISCREPANT),
        ([UNKNOWN, LOSS], ExitCode.DISCREPANT),
        ([REFUSED, LOSS], ExitCode.DISCREPANT),
        ([report(("confirmed", "error"), unknown="stale")], ExitCode.DISCREPANT),
    ],
)
def test_a_loss_goes_before_an_unknown_before_a_wait(reports: list[Report], code: ExitCode) -> None:
    """Where several hold the order is 1, 3, 4; an unknown or a candidate is never balanced (I1)."""
    assert of_reports(reports) is code


def test_a_broken_audit_log_goes_before_all() -> None:
    """5 wins over a confirmed loss."""
    assert of_reports([LOSS], audit_ok=False) is ExitCode.AUDIT_BROKEN


@pytest.mark.parametrize(
    ("severity", "fail_on", "code"),
    [
        ("info", "info", 1),
        ("info", "warning", 0),
        ("warning", "error", 0),
        ("error", "error", 1),
        ("warning", "info", 1),
    ],
)
def test_fail_on_sets_the_bar(severity: str, fail_on: str, code: int) -> None:
    """Only what is at or above `--fail-on` counts."""
    assert of_reports([report(("confirmed", severity))], fail_on=fail_on) == code


def test_the_table_is_the_documented_one() -> None:
    """Scripts lean on these numbers."""
    assert sorted(ExitCode) == [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 70, 130, 143]
