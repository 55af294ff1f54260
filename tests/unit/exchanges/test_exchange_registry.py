"""Which exchanges are known, and how their gateways are opened."""

import asyncio

import pytest

from reconcile_actors.config.models import ExchangeConfig, ReconciliationConfig
from reconcile_actors.domain.balances import Field
from reconcile_actors.errors import ConfigError
from reconcile_actors.exchanges.generic import GenericGateway, GenericReconciler
from reconcile_actors.exchanges.kraken import KrakenGateway, KrakenReconciler
from reconcile_actors.exchanges.registry import check_exchanges, open_gateway
from tests.unit.exchanges.exchange_fakes import SECRET


def kraken(**keys: object) -> ExchangeConfig:
    return ExchangeConfig.model_validate({"id": "kraken", "api_key_env": "KEY", "secret_env": "SECRET", **keys})


def test_a_kraken_gateway_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are read and a client made; nothing is asked of the exchange yet."""
    monkeypatch.setenv("KEY", "key")
    monkeypatch.setenv("SECRET", SECRET)

    async def main() -> None:
        gateway = await open_gateway("main", kraken(tier="starter"), ReconciliationConfig())
        assert isinstance(gateway, KrakenGateway)
        assert gateway.facts.tier == "starter"
        await gateway.close()

    asyncio.run(main())
    assert KrakenReconciler is KrakenGateway


def test_a_name_that_is_no_exchange_is_a_configuration_error() -> None:
    """An id that is no exchange is named by its account, with those that are, and ccxt is not loaded to know them."""
    check_exchanges({"main": kraken()})
    with pytest.raises(ConfigError, match=r"exchanges\.other\.id: no such exchange; .*kraken.* in full, .*bitstamp, "):
        check_exchanges({"main": kraken(), "other": ExchangeConfig(id="bitstomp")})
    with pytest.raises(ConfigError, match="no such exchange"):
        asyncio.run(open_gateway("other", ExchangeConfig(id="base"), ReconciliationConfig()))


def test_any_other_exchange_is_read_by_the_generic_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    """One spot wallet of it, and totals alone; another wallet is a configuration error that says what is right."""
    monkeypatch.setenv("KEY", "key")
    monkeypatch.setenv("SECRET", SECRET)
    bitstamp = ExchangeConfig(id="bitstamp", api_key_env="KEY", secret_env="SECRET")
    margin = bitstamp.model_copy(update={"wallets": ("margin",)})

    async def main() -> None:
        gateway = await open_gateway("main", bitstamp, ReconciliationConfig())
        assert isinstance(gateway, GenericGateway)
        assert gateway.facts.authoritative == {Field.TOTAL}
        assert not gateway.facts.has_history
        await gateway.close()

    asyncio.run(main())
    with pytest.raises(ConfigError, match=r'exchanges\.main\.wallets: .* write wallets = \["spot"\]'):
        check_exchanges({"main": margin})
    assert GenericReconciler is GenericGateway


def test_keys_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its keys no gateway opens."""
    monkeypatch.delenv("KEY", raising=False)
    with pytest.raises(ConfigError, match="KEY is not set"):
        asyncio.run(open_gateway("main", kraken(), ReconciliationConfig()))
