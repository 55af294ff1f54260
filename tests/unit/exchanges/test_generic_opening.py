"""How the gateway of any other exchange is opened: what it needs is told before anything is sent."""

import asyncio

import pytest
from pydantic import SecretStr

from reconcile_actors.config.models import ExchangeConfig
from reconcile_actors.errors import ConfigError
from reconcile_actors.exchanges.clocks import Clocks
from reconcile_actors.exchanges.credentials import Credentials
from reconcile_actors.exchanges.generic.names import ccxt_exchanges
from reconcile_actors.exchanges.generic.opening import open_generic


def given(exchange_id: str, *, password: str | None = None) -> dict[str, object]:
    """What ccxt's object was given under each of its names, of a gateway that opens."""
    credentials = Credentials(SecretStr("KEY"), SecretStr("SECRET"), SecretStr(password) if password else None)

    async def main() -> dict[str, object]:
        gateway = await open_generic(
            "main", ExchangeConfig(id=exchange_id), credentials, retry_count=0, clocks=Clocks()
        )
        client = gateway._client._client
        await gateway.close()
        names = ("apiKey", "secret", "password", "uid", "walletAddress", "privateKey", "login", "token")
        return {name: getattr(client, name) for name in names if getattr(client, name)}

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("exchange_id", "password", "expected"),
    [
        ("bitstamp", None, {"apiKey": "KEY", "secret": "SECRET"}),
        ("bitstamp", "not asked for", {"apiKey": "KEY", "secret": "SECRET"}),
        ("okx", "PHRASE", {"apiKey": "KEY", "secret": "SECRET", "password": "PHRASE"}),
        ("coinmate", "17", {"apiKey": "KEY", "secret": "SECRET", "uid": "17"}),
        ("hyperliquid", None, {"walletAddress": "KEY", "privateKey": "SECRET"}),
    ],
)
def test_credentials_go_under_the_names_that_the_exchange_has(
    exchange_id: str, password: str | None, expected: dict[str, str]
) -> None:
    """The key, the secret and what else is asked for, and nothing that is not."""
    assert given(exchange_id, password=password) == expected


def test_a_credential_that_lacks_is_told() -> None:
    """By its setting, and by the name that the exchange has for it; never by a refused request."""
    with pytest.raises(ConfigError, match=r"exchanges\.main: no password; coinmate needs its uid: set password_env"):
        given("coinmate")


def test_an_exchange_that_needs_more_than_can_be_given_is_told() -> None:
    """Two names for one setting."""
    with pytest.raises(ConfigError, match=r"exchanges\.main\.id: ndax needs .* and .*, which cannot both be given"):
        given("ndax", password="PHRASE")


def test_an_exchange_without_a_spot_account_is_told() -> None:
    """What moves with open positions cannot be compared."""
    with pytest.raises(ConfigError, match=r"exchanges\.main\.id: krakenfutures has no spot account"):
        given("krakenfutures")


def test_the_names_are_exchanges_and_nothing_else() -> None:
    """The package's own rooms are none."""
    names = ccxt_exchanges()
    assert {"bitstamp", "okx", "kraken"} <= names
    assert names.isdisjoint({"base", "__init__", "abstract"})
