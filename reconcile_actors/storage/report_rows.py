"""Reports as rows and back. A matched pass is one line of digests; both sides are kept whole only where the unit says so.

`body` holds what the columns cannot: the states of both sides (with `full_states`), the discrepancies as they stood, and
the details. It is None where there is nothing to add, so that quiet days stay small (I12).
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from reconcile_actors.domain.balances import Balance, Position
from reconcile_actors.domain.report import ReconciliationReport, ReconciliationStatus
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.storage.connection import Row, SqlValue
from reconcile_actors.storage.rows import discrepancy_of, discrepancy_row
from reconcile_actors.storage.text import Readable, amount_text, json_text, json_value, optional_amount, optional_text

REPORT_COLUMNS: Final = (
    "exchange, at, status, unknown_reason, book_version, snapshot_digest, raw_digest, duration_us, body"
)


def report_row(report: ReconciliationReport, *, full_states: bool) -> tuple[SqlValue, ...]:
    """A report as values for `report` in the order of REPORT_COLUMNS, without its `seq`."""
    body = _body(report, full_states=full_states)
    return (
        report.exchange,
        report.timestamp,
        report.status.value,
        None if report.unknown_reason is None else report.unknown_reason.value,
        report.book_version,
        report.snapshot_digest,
        report.raw_digest,
        report.duration_us,
        json_text(body) if body else None,
    )


def report_of(row: Row) -> ReconciliationReport:
    """A row of REPORT_COLUMNS. Balances and positions are empty where the pass was stored without its states."""
    exchange, at, status, reason, book_version, snapshot_digest, raw_digest, duration_us, text = row
    body: dict[str, Any] = {} if text is None else json_value(text)
    return ReconciliationReport(
        exchange=exchange,
        timestamp=at,
        status=ReconciliationStatus(status),
        local_balances=_balances_of(body.get("local_balances", ())),
        exchange_balances=_balances_of(body.get("exchange_balances", ())),
        local_positions=_positions_of(body.get("local_positions", ())),
        exchange_positions=_positions_of(body.get("exchange_positions", ())),
        discrepancies=tuple(discrepancy_of(one) for one in body.get("discrepancies", ())),
        unknown_reason=None if reason is None else UnknownReason(reason),
        unknown_detail=body.get("unknown_detail", ""),
        book_version=book_version,
        snapshot_digest=snapshot_digest,
        raw_digest=raw_digest,
        duration_us=duration_us,
        history_through=body.get("history_through"),
    )


def _body(report: ReconciliationReport, *, full_states: bool) -> dict[str, Readable]:
    parts: dict[str, Readable] = {
        "discrepancies": [discrepancy_row(one) for one in report.discrepancies],
        "unknown_detail": report.unknown_detail,
        "history_through": report.history_through,
    }
    if full_states:
        parts |= {
            "local_balances": _balance_lists(report.local_balances),
            "exchange_balances": _balance_lists(report.exchange_balances),
            "local_positions": _position_lists(report.local_positions),
            "exchange_positions": _position_lists(report.exchange_positions),
        }
    return {name: part for name, part in parts.items() if part not in (None, "", [])}


def _balance_lists(balances: Sequence[Balance]) -> list[Readable]:
    return [
        [
            one.wallet,
            one.currency,
            optional_text(one.total),
            optional_text(one.available),
            optional_text(one.locked),
            optional_text(one.borrowed),
        ]
        for one in balances
    ]


def _balances_of(lists: Sequence[Sequence[Any]]) -> tuple[Balance, ...]:
    return tuple(
        Balance(
            currency=currency,
            total=optional_amount(total),
            available=optional_amount(available),
            locked=optional_amount(locked),
            borrowed=optional_amount(borrowed),
            wallet=wallet,
        )
        for wallet, currency, total, available, locked, borrowed in lists
    )


def _position_lists(positions: Sequence[Position]) -> list[Readable]:
    return [[one.wallet, one.symbol, amount_text(one.quantity), optional_text(one.entry_price)] for one in positions]


def _positions_of(lists: Sequence[Sequence[Any]]) -> tuple[Position, ...]:
    return tuple(
        Position(symbol=symbol, quantity=Decimal(quantity), wallet=wallet, entry_price=optional_amount(entry_price))
        for wallet, symbol, quantity, entry_price in lists
    )
