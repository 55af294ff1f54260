"""How a Binance account is configured and opened."""

import asyncio

import pytest

from reconcile_actors import BinanceReconciler
from reconcile_actors.config.models import ExchangeConfig, ReconciliationConfig
from reconcile_actors.errors import ConfigError
from reconcile_actors.exchanges.binance import BinanceGateway
from reconcile_actors.exchanges.binance.errors import explain
from reconcile_actors.exchanges.port import FailureClass
from reconcile_actors.exchanges.registry import check_exchanges, open_gateway


def binance(**keys: object) -> ExchangeConfig:
    return ExchangeConfig.model_validate({"id": "binance", "api_key_env": "KEY", "secret_env": "SECRET", **keys})


def test_a_gateway_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are read and a client made; nothing is asked of the exchange yet."""
    monkeypatch.setenv("KEY", "key")
    monkeypatch.setenv("SECRET", "secret")

    async def main() -> None:
        gateway = await open_gateway("main", binance(), ReconciliationConfig())
        assert isinstance(gateway, BinanceGateway)
        await gateway.close()

    asyncio.run(main())
    assert BinanceReconciler is BinanceGateway


@pytest.mark.parametrize("wallets", [["margin"], ["spot", "funding"]])
def test_only_the_spot_wallet_is_read(wallets: list[str]) -> None:
    """Another wallet is a configuration error that says what is right."""
    with pytest.raises(ConfigError, match=r'exchanges\.main\.wallets: .* set wallets = \["spot"\]'):
        check_exchanges({"main": binance(wallets=wallets)})
    check_exchanges({"main": binance()})


@pytest.mark.parametrize(
    ("content", "failure", "code"),
    [
        ({"code": -2015, "msg": "x"}, FailureClass.CREDENTIALS, "invalid_key"),
        ({"code": "-1021", "msg": "x"}, FailureClass.TRANSIENT, "clock_skew"),
        ({"code": -1003, "msg": "x"}, FailureClass.RATE_LIMIT, "rate_limited"),
        ({"code": -1131, "msg": "x"}, FailureClass.CONFIGURATION, "invalid_arguments"),
        ({"code": 1, "msg": "x"}, FailureClass.MAINTENANCE, "maintenance"),
        ({"code": -99999, "msg": "x"}, FailureClass.BAD_DATA, "unknown_error_code"),
    ],
)
def test_codes_say_what_to_do(content: object, failure: FailureClass, code: str) -> None:
    """Each of Binance's codes has its class and a constant word."""
    assert explain(content) == (failure, code)


@pytest.mark.parametrize(
    "content", [None, [], {}, {"code": -2015}, {"code": True, "msg": ""}, {"code": None, "msg": ""}]
)
def test_what_is_no_error_is_left_to_the_gate(content: object) -> None:
    """An answer that names no code is judged by its shape."""
    assert explain(content) is None
