"""The daemon's documents as short tables for a person."""

from collections.abc import Sequence
from typing import Any

import click

from reconcile_actors.cli import output

Document = dict[str, Any]  # JSON


def reports(found: Sequence[Document]) -> None:
    """A row for each account, then its discrepancies."""
    rows = [
        (
            one["exchange"],
            one["status"],
            _reason(one["unknown_reason"], one["unknown_detail"]),
            len(one["exchange_balances"]),
            len(one["discrepancies"]),
        )
        for one in found
    ]
    header = ("account", "status", "reason", "currencies", "discrepancies")
    output.print_table(header, rows, empty="no account was compared")
    every = [discrepancy for one in found for discrepancy in one["discrepancies"]]
    if every:
        click.echo()
        discrepancies(every)


def discrepancies(found: Sequence[Document]) -> None:
    """A row for each discrepancy."""
    rows = [
        (
            one["id"],
            one["kind"],
            one["severity"],
            one["state"],
            one["local"],
            one["exchange_value"],
            one["difference"],
            one["value_usd"],
            one["cause"],
        )
        for one in found
    ]
    header = ("id", "kind", "severity", "state", "local", "exchange", "difference", "usd", "cause")
    output.print_table(header, rows, empty="no discrepancy")


def discrepancy(one: Document) -> None:
    """Every field of one discrepancy."""
    rows = [(name, ", ".join(value) if isinstance(value, list) else value) for name, value in one.items()]
    output.print_table(("field", "value"), rows, empty="no discrepancy")


def accounts(document: Document) -> None:
    """A row for each account of a status document."""
    rows = [
        (
            one["exchange"],
            one["status"],
            one["unknown_reason"],
            one["open_discrepancies"],
            one["breaker"],
            one["paused"],
            bool(one["halts"]),
            one["last_decided_at"] or one["last_pass_at"],
            one["detection_seconds"],
        )
        for one in document["accounts"]
    ]
    header = ("account", "status", "reason", "open", "breaker", "paused", "halted", "last known", "detection s")
    output.print_table(header, rows, empty="no account")


def plans(found: Sequence[Document] | None) -> None:
    """A row for each repair of a dry run; nothing where it was none."""
    if found is None:
        return
    rows = [(one["exchange"], one["action"], one["reason"], ", ".join(one["discrepancies"])) for one in found]
    click.echo()
    output.print_table(("account", "would do", "reason", "discrepancies"), rows, empty="nothing would be done")


def halts(found: Sequence[Document]) -> None:
    """A row for each trading halt."""
    rows = [
        (one["id"], one["reason"], one["requested_at"], one["acknowledged_at"], ", ".join(one["discrepancies"]))
        for one in found
    ]
    output.print_table(("id", "reason", "requested", "acknowledged", "discrepancies"), rows, empty="no halt stands")


def sinks(found: Sequence[Document]) -> None:
    """A row for each alert sink, where there is one."""
    if not found:
        return
    rows = [(one["name"], one["pending"], one["failed"], one["told_at"], one["trouble"]) for one in found]
    click.echo()
    output.print_table(("alerts to", "pending", "failed", "last told", "trouble"), rows, empty="no sink")


def portfolio(document: Document) -> None:
    """A row for each balance and position; an account that cannot be compared says why."""
    rows = [
        (account["exchange"], one["wallet"], one["currency"], one["total"], one["available"], one["locked"])
        for account in document["accounts"]
        for one in account["balances"]
    ]
    output.print_table(
        ("account", "wallet", "currency", "total", "available", "locked"), rows, empty="no balance is recorded"
    )
    held = [
        (account["exchange"], one["wallet"], one["symbol"], one["quantity"])
        for account in document["accounts"]
        for one in account["positions"]
    ]
    if held:
        click.echo()
        output.print_table(("account", "wallet", "position", "quantity"), held, empty="no position")
    suspended = [
        (account["exchange"], *one["leg"], one["amount"], one["cut_at"])
        for account in document["accounts"]
        for one in account["suspense"]
    ]
    if suspended:
        click.echo()
        header = ("account", "wallet", "currency", "field", "in suspense", "as of")
        output.print_table(header, suspended, empty="nothing in suspense")
    for account in document["accounts"]:
        if account["unknown"] is not None:
            output.note(f"{account['exchange']}: unknown ({account['unknown']})")


def _reason(reason: str | None, detail: str) -> str | None:
    return f"{reason} ({detail})" if reason and detail else reason
