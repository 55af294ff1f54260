"""A quiet day stays small: matched reads are folded, states are stored hourly, and the file does not outgrow its disk (I12)."""

import asyncio
import hashlib
import sys
from decimal import Decimal
from pathlib import Path

from durability_units import ORIGIN

from reconcile_actors.domain.balances import Balance
from reconcile_actors.domain.ledger import AuditEntry, BookState, Committed, UnitOfWork
from reconcile_actors.domain.report import ReconciliationReport, ReconciliationStatus
from reconcile_actors.storage import ReconciliationRepository

ACCOUNTS, CURRENCIES = 20, 50
READS_A_MINUTE = 30
BYTES_A_DAY = 500_000_000
START_AT = 1_700_000_000_000_000
MINUTE = 60_000_000


def balances() -> tuple[Balance, ...]:
    amount = Decimal("12345.12345678")
    return tuple(Balance(f"CUR{number}", amount, amount, Decimal(0)) for number in range(CURRENCIES))


def watch_unit(exchange: str, at: int) -> UnitOfWork:
    """What an account without trading writes a minute: thirty matched reads in one leaf."""
    digest = b""
    for read in range(READS_A_MINUTE):
        digest = hashlib.sha256(digest + read.to_bytes(8, "big")).digest()
    body = {"count": READS_A_MINUTE, "first_at": str(at), "last_at": str(at + MINUTE), "rolling": digest.hex()}
    return UnitOfWork((AuditEntry("watch.matched", exchange, body),), exchange=exchange)


def pass_unit(exchange: str, at: int, *, full: bool) -> UnitOfWork:
    """A full pass; hourly with both sides' states."""
    digest = hashlib.sha256(str(at).encode()).hexdigest()
    states = balances() if full else ()
    report = ReconciliationReport(
        exchange=exchange,
        timestamp=at,
        status=ReconciliationStatus.MATCHED,
        local_balances=states,
        exchange_balances=states,
        book_version=1,
        snapshot_digest=digest,
        raw_digest=digest,
        duration_us=250_000,
        history_through=at,
    )
    sides = {one.currency: str(one.total) for one in states}
    body = {"status": "matched", "snapshot": digest, "raw": digest, "book_version": 0}
    return UnitOfWork(
        entries=(AuditEntry("pass.completed", exchange, body, {"local": sides, "exchange": sides} if full else None),),
        exchange=exchange,
        state=BookState(exchange, 0, sides) if full else None,
        report=report,
        full_states=full,
    )


async def one_hour(folder: Path) -> int:
    """Bytes that an hour adds, every unit in a transaction of its own, which is the dearest way to write it."""
    clock = [START_AT]
    store = await ReconciliationRepository.open(
        folder / "book.db", origin=ORIGIN, key_file=folder / "k", trusted_head_file=None, utc=lambda: clock[0]
    )
    before = (folder / "book.db").stat().st_size
    for minute in range(60):
        clock[0] = START_AT + minute * MINUTE
        for number in range(ACCOUNTS):
            units = [watch_unit(f"account-{number}", clock[0])]
            if minute % 5 == 0:
                units.append(pass_unit(f"account-{number}", clock[0], full=minute == 0))
            for unit in units:
                assert isinstance((await store.commit([unit]))[0], Committed)
    await store.close()
    return (folder / "book.db").stat().st_size - before


def test_a_day_without_trading(tmp_path: Path) -> None:
    """20 accounts x 50 currencies read every 2 s grow the file by at most 0.5 GB a day (an hour, extrapolated: all parts are linear)."""
    hour = asyncio.run(one_hour(tmp_path))
    sys.stdout.write(f"{hour / 1e6:.2f} MB an hour, {24 * hour / 1e6:.0f} MB a day\n")
    assert 24 * hour <= BYTES_A_DAY
