"""Opens the gateway of an exchange that has no room of its own: which credentials ccxt's class wants, and whether it can be read."""

from typing import Any, Final

from pydantic import SecretStr

from reconcile_actors.config.models import ExchangeConfig
from reconcile_actors.errors import ConfigError
from reconcile_actors.exchanges.ccxt_client import make_client
from reconcile_actors.exchanges.clocks import Clocks
from reconcile_actors.exchanges.credentials import Credentials
from reconcile_actors.exchanges.generic.client import UnifiedClient
from reconcile_actors.exchanges.generic.gateway import GenericGateway

WALLET: Final = "spot"
# What ccxt calls them, by the three that a configuration gives: the account's name, its secret, and what else is asked for.
_NAMES: Final = ("apiKey", "walletAddress", "login")
_SECRETS: Final = ("secret", "privateKey")
_OTHERS: Final = ("password", "uid", "accountId", "token", "twofa")


def check_generic(name: str, exchange: ExchangeConfig) -> None:
    """Whether an account asks for what can be read of any exchange. Raises ConfigError."""
    if exchange.wallets != (WALLET,):
        raise ConfigError(
            f'exchanges.{name}.wallets: of "{exchange.id}" one wallet is read: write wallets = ["{WALLET}"]'
        )


async def open_generic(
    name: str, exchange: ExchangeConfig, credentials: Credentials, *, retry_count: int, clocks: Clocks
) -> GenericGateway:
    """A gateway to any exchange of ccxt; connects at the first read. Raises ConfigError."""
    check_generic(name, exchange)
    client, transport = await make_client(
        exchange.id,
        credentials,
        clocks=clocks,
        base_url=exchange.base_url,
        proxy=exchange.proxy,
        ca_file=exchange.ca_file,
    )
    unified = UnifiedClient(client, transport)
    try:
        _check_class(name, exchange.id, client)
        _give(name, exchange.id, client, credentials)
    except ConfigError:
        await unified.close()
        raise
    return GenericGateway(name, exchange, unified, retry_count=retry_count, clocks=clocks)


def _check_class(name: str, exchange_id: str, client: Any) -> None:
    if client.has.get("fetchBalance") is not True or client.has.get("spot") is not True:
        raise ConfigError(
            f"exchanges.{name}.id: {exchange_id} has no spot account, and one that moves with open positions cannot be compared"
        )


def _give(name: str, exchange_id: str, client: Any, credentials: Credentials) -> None:
    """Sets the credentials that ccxt's class requires under the names that it has for them, and no other."""
    wanted = {what for what, required in client.requiredCredentials.items() if required}
    for what in (*_NAMES, *_SECRETS, *_OTHERS):
        setattr(client, what, None)
    for setting, value, known in (
        ("api_key", credentials.api_key, _NAMES),
        ("secret", credentials.secret, _SECRETS),
        ("password", credentials.password, _OTHERS),
    ):
        needed = [what for what in known if what in wanted]
        if len(needed) > 1:
            raise ConfigError(
                f"exchanges.{name}.id: {exchange_id} needs {' and '.join(needed)}, which cannot both be given"
            )
        if needed:
            setattr(client, needed[0], _text(name, exchange_id, setting, needed[0], value))


def _text(name: str, exchange_id: str, setting: str, what: str, value: SecretStr | None) -> str:
    if value is None:
        raise ConfigError(
            f"exchanges.{name}: no {setting}; {exchange_id} needs its {what}: set {setting}_env, {setting}_file or {setting}_command"
        )
    return value.get_secret_value()
