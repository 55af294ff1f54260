"""Which exchanges are known, and how their gateways are opened."""

import asyncio

import pytest

from reconcile_actors.config.models import ExchangeConfig, ReconciliationConfig
from reconcile_actors.errors import ConfigError
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


def test_another_exchange_is_a_configuration_error() -> None:
    """An id that this version does not read is named by its account, with those that it does."""
    check_exchanges({"main": kraken()})
    with pytest.raises(ConfigError, match=r"exchanges\.other\.id: this version reads kraken only"):
        check_exchanges({"main": kraken(), "other": ExchangeConfig(id="binance")})
    with pytest.raises(ConfigError, match="kraken only"):
        asyncio.run(open_gateway("other", ExchangeConfig(id="binance"), ReconciliationConfig()))


def test_keys_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its keys no gateway opens."""
    monkeypatch.delenv("KEY", raising=False)
    with pytest.raises(ConfigError, match="KEY is not set"):
        asyncio.run(open_gateway("main", kraken(), ReconciliationConfig()))
