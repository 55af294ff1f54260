"""The log's signing key as a daemon finds it: made at the first start, and never made anew for a log that has entries."""

from pathlib import Path

from reconcile_actors.audit.errors import KeyFileError
from reconcile_actors.audit.keys import SigningKey
from reconcile_actors.errors import ConfigError, CredentialsError


def signing_key(path: Path, origin: str, *, is_new_log: bool) -> SigningKey:
    """Load the key file, or make it where the log is new and there is none.

    Raises CredentialsError where it is missing, damaged or readable by others, ConfigError where it bears another origin.
    """
    try:
        if is_new_log and not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            SigningKey.generate(origin).save(path)
        key = SigningKey.load(path)
    except KeyFileError as error:
        raise CredentialsError(f"audit key {error}") from None
    except OSError as error:
        raise CredentialsError(f"audit key {path}: {error.strerror}") from None
    if key.name != origin:
        raise ConfigError(
            f"audit key {path}: it bears another origin than [audit] origin: set that, or give another key"
        )
    return key
