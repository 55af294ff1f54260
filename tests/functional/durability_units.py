"""Units as a trading process causes them, for processes that are killed or traced: small, and each with its record."""

import time
from decimal import Decimal
from pathlib import Path

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.ledger import AuditEntry, BookRow, UnitOfWork
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.storage import ReconciliationRepository
from reconcile_actors.storage.connection import connect_writer
from reconcile_actors.storage.session import Connect

ORIGIN = "example.org/reconcile/durability"


def now_us() -> int:
    return time.time_ns() // 1_000


async def open_store(folder: Path, connect: Connect = connect_writer) -> ReconciliationRepository:
    return await ReconciliationRepository.open(
        folder / "book.db",
        origin=ORIGIN,
        key_file=folder / "audit.key",
        trusted_head_file=folder / "trusted-head",
        utc=now_us,
        connect=connect,
    )


def reward_unit(exchange: str, version: int) -> UnitOfWork:
    """A reward of one satoshi that makes `version` of an account's book."""
    effects = {Leg("spot", "BTC", Field.TOTAL): Decimal("0.00000001")}
    reward = Movement(exchange, "spot", MovementType.REWARD, f"R{version}", effects, instrument="BTC")
    return UnitOfWork(
        entries=(AuditEntry("book.recorded", exchange, {"id": f"R{version}"}, {"amount": "0.00000001"}),),
        exchange=exchange,
        expected_version=version - 1,
        rows=(BookRow(version, reward, now_us(), '{"type":"RecordReward"}'),),
    )
