"""The errors of the project, one small tree, named by what the operator does next.

A discrepancy is never an exception: findings are values. An error's text never holds an amount, a key or a secret (I7).
"""


class ReconcileError(Exception):
    """Base of every error that the project raises on purpose. `exit_code` is the command line's (see docs/cli.md)."""

    exit_code = 70


class UsageError(ReconcileError):
    """The call itself is wrong: mend the arguments."""

    exit_code = 2


class ConfigError(ReconcileError):
    """The configuration is wrong: the text names the file, the key and what would be right."""

    exit_code = 10


class AlreadyRunningError(ReconcileError):
    """Another daemon holds this store: stop it, or talk to it."""

    exit_code = 11


class CredentialsError(ReconcileError):
    """Keys are missing, readable by others, or refused: mend the key, then resume."""

    exit_code = 12


class StoreError(ReconcileError):
    """The store cannot be read or written (locked, full, read-only, from a newer version): nothing was changed."""

    exit_code = 13


class NoDaemonError(ReconcileError):
    """The command needs a running daemon and found none: start `reconcile-actors run`."""

    exit_code = 14


class UnavailableError(ReconcileError):
    """Nobody answers just now (too busy, being restarted, parked, or left): nothing is known; the text says what to do."""

    exit_code = 3


class AmountError(ReconcileError, ValueError):
    """A number that cannot be money; `reason` is its name (`not_a_number`, `not_finite`, `too_large`, `too_precise`)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
