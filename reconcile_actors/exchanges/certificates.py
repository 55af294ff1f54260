"""Which certificate authorities an account trusts."""

import ssl
from collections.abc import Mapping
from pathlib import Path

from reconcile_actors.config.models import ExchangeConfig
from reconcile_actors.errors import ConfigError


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Trusts the file's authorities, else those that ccxt trusts. Raises ConfigError."""
    try:
        return ssl.create_default_context(cafile=_certifi() if ca_file is None else str(ca_file))
    except OSError as error:
        raise ConfigError(
            f"ca_file: {ca_file}: cannot be used ({type(error).__name__}); it must be a readable PEM file of certificates"
        ) from None


def check_ca_files(exchanges: Mapping[str, ExchangeConfig]) -> None:
    """Whether each account's `ca_file` can be used, also where no request needs it yet. Raises ConfigError."""
    for name, exchange in exchanges.items():
        if exchange.ca_file is not None:
            try:
                tls_context(exchange.ca_file)
            except ConfigError as error:
                raise ConfigError(f"exchanges.{name}.{error}") from None


def _certifi() -> str:
    import certifi  # noqa: PLC0415 - comes with ccxt, and is needed only where an account is read

    return certifi.where()
