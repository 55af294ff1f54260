"""Units of work as the books of a busy account make them: one movement, its audit entry, its message."""

from decimal import Decimal
from pathlib import Path

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.ledger import AuditEntry, BookRow, Committed, UnitOfWork
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.storage import ReconciliationRepository
from reconcile_actors.utc import utc_us

ACCOUNT = "bench"
_MESSAGE = (
    '{"type":"RecordFill","exchange":"bench","id":"T%d","order_id":"O1","symbol":"BTC/USDT","side":"buy",'
    '"quantity":"0.5","price":"60000","fee_currency":"USDT","fee":"30"}'
)


def unit(version: int) -> UnitOfWork:
    """The recording of one fill as book version `version`."""
    effects = {Leg("spot", "BTC", Field.TOTAL): Decimal("0.5"), Leg("spot", "USDT", Field.TOTAL): Decimal(-30030)}
    movement = Movement(ACCOUNT, "spot", MovementType.FILL, f"T{version}", effects, "BTC/USDT", "O1", "buy", utc_us())
    message = _MESSAGE % version
    entry = AuditEntry(
        kind="book.fill",
        exchange=ACCOUNT,
        body={"message": "RecordFill", "id": movement.id, "version": version},
        payload={"message": message},
    )
    row = BookRow(version, movement, utc_us(), message)
    return UnitOfWork(entries=(entry,), exchange=ACCOUNT, expected_version=version - 1, rows=(row,))


async def open_ledger(directory: Path) -> ReconciliationRepository:
    """A new ledger in a directory, made as the service makes it."""
    return await ReconciliationRepository.open(
        directory / "ledger.db",
        origin="localhost/bench",
        key_file=directory / "ledger.key",
        trusted_head_file=directory / "trusted-head",
        utc=utc_us,
    )


async def write(ledger: ReconciliationRepository, first: int, count: int, group: int) -> None:
    """Commits units from version `first` on, `group` of them in a transaction; all must be taken."""
    for start in range(first, first + count, group):
        answers = await ledger.commit([unit(version) for version in range(start, min(start + group, first + count))])
        assert all(isinstance(answer, Committed) for answer in answers), "a refusal would be quick"
