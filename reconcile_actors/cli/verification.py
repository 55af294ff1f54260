"""What `audit verify` trusts, from options and configuration, and the verification itself."""

from dataclasses import dataclass
from pathlib import Path

from reconcile_actors.audit.errors import KeyFileError, KeyFormatError
from reconcile_actors.audit.keys import SigningKey, VerifierKey
from reconcile_actors.audit.verdict import Verdict, VerifyResult
from reconcile_actors.audit.verifier import verify_log
from reconcile_actors.config import Settings
from reconcile_actors.errors import ReconcileError, UsageError

_FILE_BYTES_MAX = 1 << 20


class KeyUnusableError(ReconcileError):
    """The log's key cannot be read: nothing can be verified under it."""

    exit_code = Verdict.BAD_SIGNATURE.value


@dataclass(frozen=True, slots=True)
class Trust:
    """A log, and what it is judged by. Without a key the log's own is taken, which proves little; without a head, even less."""

    database: Path
    key: VerifierKey | None
    head: bytes | None
    head_name: str | None

    @property
    def key_name(self) -> str | None:
        """The verifier key in its one-line form."""
        return self.key.vkey if self.key else None


def trust_from(settings: Settings | None, *, db: Path | None, trusted_head: Path | None, vkey: str | None) -> Trust:
    """Options before configuration. The head is read now, before the log: a head newer than what is read is no rollback.

    Raises UsageError or KeyUnusableError.
    """
    database = db or (settings.store.path if settings else None)
    assert database is not None
    head_file = trusted_head or _configured_head(settings)
    return Trust(
        database=database,
        key=_parse_key(vkey) if vkey else _configured_key(settings),
        head=_read(head_file) if head_file else None,
        head_name=str(head_file) if head_file else None,
    )


def verify(trust: Trust) -> VerifyResult:
    """The verdict."""
    keys = () if trust.key is None else (trust.key,)
    return verify_log(trust.database, keys=keys, trusted_head=trust.head, trust_log_key=trust.key is None)


def _configured_head(settings: Settings | None) -> Path | None:
    file = settings.audit.trusted_head_file if settings else None
    return file if file is not None and file.exists() else None


def _configured_key(settings: Settings | None) -> VerifierKey | None:
    if settings is None:
        return None
    try:
        return SigningKey.load(settings.audit.key_file).verifier
    except KeyFileError as error:
        raise KeyUnusableError(f"audit.key_file: {error}; or give the public half: --vkey") from None


def _parse_key(text: str) -> VerifierKey:
    # a key has plus signs and no slash before them: what is a file is read, everything else must be a key
    file = Path(text)
    try:
        return VerifierKey.parse(_read(file).decode("utf-8") if file.is_file() else text)
    except (KeyFormatError, UnicodeDecodeError):
        raise UsageError("--vkey: neither a verifier key (NAME+ID+BASE64) nor a file that holds one") from None


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as source:
            return source.read(_FILE_BYTES_MAX)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror})") from None
