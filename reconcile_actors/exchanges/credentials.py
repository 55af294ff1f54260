"""API keys, from where the configuration says they are: environment variable, file or command.

Errors name the key of the configuration and what to do, never a value (I7). A file that others may read is refused.
"""

import base64
import binascii
import os
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from reconcile_actors.config.models import ExchangeConfig, Settings
from reconcile_actors.errors import ConfigError, CredentialsError

COMMAND_TIMEOUT_SECONDS: Final = 30.0  # a password manager may ask a person
_FILE_BYTES_MAX: Final = 65_536
# Exchanges whose API secret is base64 text: a wrong paste is then told at start and not by a refused signature.
_BASE64_SECRETS: Final = frozenset({"kraken"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """One account's keys; `repr` and `str` never show them."""

    api_key: SecretStr
    secret: SecretStr
    password: SecretStr | None = None


def check_credentials(settings: Settings, environ: Mapping[str, str] | None = None) -> None:
    """Resolve the keys of every account, so that nothing starts with half of them. Raises ConfigError, CredentialsError."""
    for name, exchange in settings.exchanges.items():
        resolve_credentials(name, exchange, environ)


def resolve_credentials(name: str, exchange: ExchangeConfig, environ: Mapping[str, str] | None = None) -> Credentials:
    """The keys of the account `name`. Blocks while a command runs. Raises ConfigError, CredentialsError."""
    source = _Source(name, exchange, os.environ if environ is None else environ)
    api_key, secret = source.required("api_key"), source.required("secret")
    if exchange.id in _BASE64_SECRETS and not _is_base64(secret.get_secret_value()):
        raise CredentialsError(
            f"exchanges.{name}.secret_*: not valid base64; copy the private key anew, whole, as the exchange shows it"
        )
    return Credentials(api_key, secret, source.optional("password"))


class _Source:
    def __init__(self, name: str, exchange: ExchangeConfig, environ: Mapping[str, str]) -> None:
        self._name = name
        self._exchange = exchange
        self._environ = environ

    def required(self, what: str) -> SecretStr:
        value = self.optional(what)
        if value is None:
            raise ConfigError(
                f"exchanges.{self._name}: no {what}; set {what}_env, {what}_file or {what}_command (a key that may only query)"
            )
        return value

    def optional(self, what: str) -> SecretStr | None:
        for form, read in (("env", self._from_env), ("file", _from_file), ("command", _from_command)):
            where = getattr(self._exchange, f"{what}_{form}")
            if where is not None:
                key = f"exchanges.{self._name}.{what}_{form}"
                text = read(key, where).strip()
                if not text or not text.isprintable():
                    raise ConfigError(f"{key}: must give the {what} and nothing else, on one line")
                return SecretStr(text)
        return None

    def _from_env(self, key: str, variable: str) -> str:
        value = self._environ.get(variable)
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


def _is_base64(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) > 0
    except (binascii.Error, ValueError):
        return False
