"""A secret, from where the configuration says it is: environment variable, file or command.

Errors name the key of the configuration and what to do, never a value (I7). A file that others may read is refused.
"""

import os
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel, SecretStr

from reconcile_actors.errors import ConfigError, CredentialsError

COMMAND_TIMEOUT_SECONDS: Final = 30.0  # a password manager may ask a person
_FILE_BYTES_MAX: Final = 65_536


def read_secret(
    section: BaseModel, what: str, *, table: str, environ: Mapping[str, str], many_lines: bool = False
) -> SecretStr | None:
    """The secret that the keys `{what}_env`, `{what}_file` or `{what}_command` of a section lead to; None where none is set.

    `table` is the section's name in errors; only a key in PEM has `many_lines`. Blocks while a command runs.
    Raises ConfigError, CredentialsError.
    """
    forms = (("env", lambda key, name: _from_env(key, name, environ)), ("file", _from_file), ("command", _from_command))
    for form, read in forms:
        where = getattr(section, f"{what}_{form}")
        if where is not None:
            key = f"{table}.{what}_{form}"
            text = read(key, where).strip()
            lines = text.splitlines() if many_lines else [text]
            if not text or not all(line.isprintable() for line in lines):
                where_to = "in printable text" if many_lines else "on one line"
                raise ConfigError(f"{key}: must give the {what} and nothing else, {where_to}")
            return SecretStr(text)
    return None


def _from_env(key: str, variable: str, environ: Mapping[str, str]) -> str:
    value = environ.get(variable)
    if value is None:
        raise ConfigError(f"{key}: environment variable {variable} is not set; export it before starting")
    return value


def _from_file(key: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(_FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise ConfigError(f"{key}: {path}: no such file; write the key there, mode 0600") from None
    except OSError as error:
        raise ConfigError(
            f"{key}: {path}: cannot be read ({type(error).__name__}); it must be a file of this user"
        ) from None
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise CredentialsError(
            f"{key}: {path}: readable by others; run `chmod 600 {path}`, and replace the key if others saw it"
        )
    text = _text(content) if len(content) <= _FILE_BYTES_MAX else None
    if text is None:
        raise ConfigError(f"{key}: {path}: must be UTF-8 text that holds the key alone")
    return text


def _from_command(key: str, command: tuple[str, ...]) -> str:
    problem, text = "printed no UTF-8 text", None
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command, run without a shell
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_TIMEOUT_SECONDS, check=False
        )
        text = _text(done.stdout) if done.returncode == 0 else None
        problem = problem if done.returncode == 0 else f"ended with exit code {done.returncode}"
    except subprocess.TimeoutExpired:
        problem = f"did not end within {COMMAND_TIMEOUT_SECONDS:g} s"
    except (OSError, ValueError, IndexError) as error:
        problem = f"could not be started ({type(error).__name__})"
    if text is None:  # raised here and not in a handler, whose exception may hold what the command printed
        raise ConfigError(f"{key}: the command {problem}; run it by hand: it must print the key alone and end with 0")
    return text


def _text(content: bytes) -> str | None:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None
