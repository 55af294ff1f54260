"""API keys, from where the configuration says they are. Errors name the key of the configuration, never a value (I7)."""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from reconcile_actors.config.models import ExchangeConfig, Settings
from reconcile_actors.config.secrets import read_secret
from reconcile_actors.errors import ConfigError, CredentialsError
from reconcile_actors.exchanges.pem import is_p256_key, unfolded

# Exchanges whose API secret is base64 text: a wrong paste is then told at start and not by a refused signature.
_BASE64_SECRETS: Final = frozenset({"kraken"})
# Exchanges whose secret is a private key in PEM, of several lines.
_PEM_SECRETS: Final = frozenset({"coinbase"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """One account's keys; `repr` and `str` never show them."""

    api_key: SecretStr
    secret: SecretStr
    password: SecretStr | None = None


def check_credentials(settings: Settings, environ: Mapping[str, str] | None = None) -> None:
    """Resolve the keys of every account, so that nothing starts with half of them. Raises ConfigError, CredentialsError.

    Two accounts with one key are one account: each would be blamed for what the other does.
    """
    owners: dict[tuple[str, str], str] = {}
    for name, exchange in settings.exchanges.items():
        credentials = resolve_credentials(name, exchange, environ)
        has_key = exchange.address is None
        key = credentials.api_key.get_secret_value() if has_key else f"{exchange.address}/{exchange.subaccount}"
        owner = owners.setdefault((exchange.id, key), name)
        if owner != name:
            raise ConfigError(
                f"exchanges.{owner} and exchanges.{name} use one API key: give each account a key of its own, or remove one"
                if has_key
                else f"exchanges.{owner} and exchanges.{name} are one subaccount: remove one"
            )


def resolve_credentials(name: str, exchange: ExchangeConfig, environ: Mapping[str, str] | None = None) -> Credentials:
    """The keys of the account `name`. Blocks while a command runs. Raises ConfigError, CredentialsError.

    An account that is read by its address alone has none: they are empty.
    """
    if exchange.address is not None:
        return Credentials(SecretStr(""), SecretStr(""))
    source = _Source(name, exchange, os.environ if environ is None else environ)
    api_key, secret = source.required("api_key"), source.required("secret")
    if exchange.id in _BASE64_SECRETS and not _is_base64(secret.get_secret_value()):
        raise CredentialsError(
            f"exchanges.{name}.secret_*: not valid base64; copy the private key anew, whole, as the exchange shows it"
        )
    if exchange.id in _PEM_SECRETS and not is_p256_key(secret.get_secret_value()):
        raise CredentialsError(
            f"exchanges.{name}.secret_*: not an EC private key (P-256) in PEM; make a CDP API key with the signature algorithm"
            " ECDSA (older keys and Ed25519 keys cannot be used) and copy its private key whole, from BEGIN to END"
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
        table, is_pem = f"exchanges.{self._name}", what == "secret" and self._exchange.id in _PEM_SECRETS
        secret = read_secret(self._exchange, what, table=table, environ=self._environ, many_lines=is_pem)
        return SecretStr(unfolded(secret.get_secret_value())) if secret is not None and is_pem else secret


def _is_base64(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) > 0
    except (binascii.Error, ValueError):
        return False
