"""ReconciliationRepository: the one writer of the ledger. A group of units is one transaction, synced before it is answered.

The order at each commit: what may be written is decided, the log's leaves, nodes and checkpoint are made, everything goes into
one transaction, the log's state moves on only after COMMIT, the trusted head is replaced, and then the callers are answered.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from reconcile_actors.audit.errors import AuditError
from reconcile_actors.audit.writer import Batch
from reconcile_actors.domain.deliveries import Delivery
from reconcile_actors.domain.ledger import Committed, Refused, UnitOfWork
from reconcile_actors.errors import ReconcileError, StoreError
from reconcile_actors.kernel.own_thread import on_own_thread
from reconcile_actors.logger import logger
from reconcile_actors.messages.wire import to_datetime
from reconcile_actors.storage.admission import Admission, admit
from reconcile_actors.storage.connection import connect_writer, make_file
from reconcile_actors.storage.errors import Reason, StoreFailedError
from reconcile_actors.storage.lock import StoreLock
from reconcile_actors.storage.log_state import Fetch, check_head, newest_checkpoint
from reconcile_actors.storage.reads import LedgerReads
from reconcile_actors.storage.session import CommitInDoubtError, Connect, Session, open_session
from reconcile_actors.storage.signing import signing_key
from reconcile_actors.storage.statements import outcomes, settling, statements
from reconcile_actors.storage.trusted_head import TrustedHead


class ReconciliationRepository(LedgerReads):
    """Open it with `open`, close it with `close` (or `async with`). All methods belong to one event loop."""

    def __init__(
        self,
        path: Path,
        lock: StoreLock,
        *,
        origin: str,
        key_file: Path,
        trusted_head_file: Path | None,
        utc: Callable[[], int],
        salt: Callable[[int], bytes],
        connect: Connect,
    ) -> None:
        self._path = path
        self._store_lock = lock
        self._origin = origin
        self._key_file = key_file
        self._head = TrustedHead(trusted_head_file)
        self._utc = utc
        self._salt = salt
        self._connect = connect
        self._session: Session | None = None
        self._turn = asyncio.Lock()
        self._closed = False
        self._tasks: set[asyncio.Task[list[Committed | Refused]]] = set()

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        origin: str,
        key_file: Path,
        trusted_head_file: Path | None,
        utc: Callable[[], int],
        salt: Callable[[int], bytes] = os.urandom,
        connect: Connect = connect_writer,
    ) -> "ReconciliationRepository":
        """Open or make the store. `utc` gives UTC microseconds, `salt` that many random bytes.

        Raises AlreadyRunningError beside another writer; StoreError (locked, full, read-only, damaged, not ours, from a newer
        version); AuditBrokenError where log, key and trusted head contradict; CredentialsError or ConfigError for the key.
        """
        make_file(path)
        lock = StoreLock.hold(path)
        repository = cls(
            path,
            lock,
            origin=origin,
            key_file=key_file,
            trusted_head_file=trusted_head_file,
            utc=utc,
            salt=salt,
            connect=connect,
        )
        try:
            await repository._start()
        except BaseException:
            await repository.close()
            raise
        return repository

    async def commit(self, units: Sequence[UnitOfWork]) -> list[Committed | Refused]:
        """Write all units in one transaction; each is answered in its place. Returns once they are on disk (I8).

        A unit that does not fit (`version_conflict`, `entry_invalid`) is refused alone; where the store fails, all are. A
        cancelled caller does not cancel the write: what was begun is ended, so that memory and disk stay of one mind.
        """
        task = asyncio.ensure_future(self._commit(tuple(units)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    @property
    def is_head_behind(self) -> bool:
        """Whether the trusted head could not be written after the last commit: readiness should say so."""
        return self._head.is_behind

    async def settle_outbox(
        self, done: Sequence[int], deliveries: Sequence[Delivery] = (), over: Sequence[str] = ()
    ) -> None:
        """Note what became of messages of the outbox, all or nothing (see `settling`). Raises StoreError."""
        what = settling(self._utc(), done=done, deliveries=deliveries, over=over)
        async with self._turn:
            session = await self._sound_session()
            try:
                async with self._writing(session):
                    await session.write(what)
            except CommitInDoubtError as doubt:  # to note it twice does no harm
                raise StoreFailedError(doubt.reason, self._path) from None

    async def close(self) -> None:
        """End what was begun, fold the WAL into the main file, close it and let the next writer in. Twice is once."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        async with self._turn:
            self._closed = True
            session, self._session = self._session, None
            try:
                if session is not None:
                    with suppress(StoreFailedError):  # the WAL is as durable as the main file: the next start folds it
                        await session.fold_wal()
                    await session.database.close()
            finally:
                self._store_lock.release()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Fetch]:
        async with self._turn:  # on the writer's connection a read would see a transaction half written
            yield (await self._sound_session()).database.fetch

    async def _start(self) -> None:
        session = await self._sound_session()
        head = self._head.read()
        if head is not None:
            await check_head(session.database.fetch, head, session.key, session.writer.state.size)
        if session.writer.state.size == 0:
            batch = session.writer.start(to_datetime(self._utc()))
            try:
                await session.write(statements(batch, ()))
            except CommitInDoubtError as error:
                raise StoreFailedError(error.reason, self._path) from None
            session.writer.commit(batch)
        note = await newest_checkpoint(session.database.fetch)
        assert note is not None
        self._head.begin(note)

    async def _sound_session(self) -> Session:
        """The open session, opened anew where the last one met an error that it could not judge. The caller has the turn."""
        if self._closed:
            raise StoreError(f"store {self._path}: it was closed")
        if self._session is None:
            self._session = await open_session(
                self._path,
                self._connect,
                lambda is_new_log: signing_key(self._key_file, self._origin, is_new_log=is_new_log),
                self._origin,
            )
        return self._session

    async def _commit(self, units: tuple[UnitOfWork, ...]) -> list[Committed | Refused]:
        async with self._turn:
            return await self._attempt(units)

    async def _attempt(self, units: tuple[UnitOfWork, ...]) -> list[Committed | Refused]:
        try:
            return await self._commit_group(units)
        except StoreFailedError as error:
            reason = error.reason
        except ReconcileError as error:  # the store could not be opened anew
            logger.bind(error=type(error).__name__).error("the store is not usable: nothing is written")
            reason = Reason.FAILED
        if reason is Reason.INVALID and len(units) > 1:
            # One value that its table refuses fails the whole transaction: find out whose it was.
            return [answer for unit in units for answer in await self._attempt((unit,))]
        return [Refused(reason.value) for _ in units]

    async def _commit_group(self, units: tuple[UnitOfWork, ...]) -> list[Committed | Refused]:
        """One transaction. Raises StoreFailedError once it is certain that nothing of it stands, as far as that can be known."""
        session = await self._sound_session()
        now = self._utc()
        known = await session.load_versions(unit.exchange for unit in units if unit.exchange is not None)
        admission, batch = self._batch(session, units, known, now)
        if batch is None:
            return [admission.refused[place] for place in range(len(units))]
        await self._write(session, batch, admission)
        answers: dict[int, Committed | Refused] = {
            **admission.refused,
            **outcomes(admission.admitted, batch.before.size),
        }
        return [answers[place] for place in range(len(units))]

    def _batch(
        self, session: Session, units: tuple[UnitOfWork, ...], known: dict[str, int], now: int
    ) -> tuple[Admission, Batch | None]:
        """The units to write and their rows of the log; no batch where no unit is left."""
        admission = admit(units, known, at=now, salt=self._salt)
        try:
            return admission, _append(session, admission, now)
        except AuditError:  # an entry that the log cannot hold spoils its batch: find out whose it is
            admission = admit(units, known, at=now, salt=self._salt, check=session.writer.check)
            return admission, _append(session, admission, now)

    async def _write(self, session: Session, batch: Batch, admission: Admission) -> None:
        note = batch.checkpoint.note
        try:
            async with self._writing(session):
                await session.write(statements(batch, admission.admitted), lambda: self._head.show(note))
        except CommitInDoubtError as doubt:
            await self._resolve(batch, doubt.reason)  # leaves a session that has read everything from the file
            await on_own_thread(lambda: self._head.show(note), name="reconcile-head", daemon=False)
        else:
            session.writer.commit(batch)
            session.versions.update(admission.versions)

    @asynccontextmanager
    async def _writing(self, session: Session) -> AsyncIterator[None]:
        """Until a transaction has ended for certain its session is not to be trusted: the next one reads the file anew."""
        self._session = None
        try:
            yield
        except StoreFailedError:  # nothing of the transaction stands
            self._session = session
            raise
        except BaseException:  # in doubt, or the loop is being torn down
            with suppress(StoreFailedError):
                await session.database.close()
            raise
        else:
            self._session = session

    async def _resolve(self, batch: Batch, reason: Reason) -> None:
        """Read back whether a transaction is on disk. Returns where it is; raises StoreFailedError where it is not, or nobody can tell.

        The former connection is closed, which folds or drops the WAL: frames of a COMMIT that failed cannot come to life later.
        """
        logger.bind(reason=str(reason)).warning("a commit is in doubt: the store is opened anew")
        fresh = await self._sound_session()
        try:
            await fresh.fold_wal()  # what is there must be synced before it may be acknowledged
        except StoreFailedError:
            self._session = None
            await fresh.database.close()
            raise
        if fresh.writer.state != batch.after:
            raise StoreFailedError(reason, self._path)


def _append(session: Session, admission: Admission, now: int) -> Batch | None:
    entries = [entry for one in admission.admitted for entry in one.entries]
    return session.writer.append(entries, to_datetime(now)) if entries else None
