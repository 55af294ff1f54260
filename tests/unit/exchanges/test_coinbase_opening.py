"""How a Coinbase account is configured: key, private key and wallets, and what is said of wrong ones."""

import asyncio
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from reconcile_actors.config.models import ExchangeConfig, ReconciliationConfig
from reconcile_actors.errors import ConfigError, CredentialsError
from reconcile_actors.exchanges.coinbase import CoinbaseGateway, CoinbaseReconciler
from reconcile_actors.exchanges.coinbase.prices import read_prices
from reconcile_actors.exchanges.credentials import resolve_credentials
from reconcile_actors.exchanges.registry import check_exchanges, open_gateway

NAME = "organizations/11111111-1111-4111-8111-111111111111/apiKeys/22222222-2222-4222-8222-222222222222"


def pem(key: object = None, form: PrivateFormat = PrivateFormat.TraditionalOpenSSL) -> str:
    made = ec.derive_private_key(12345, ec.SECP256R1()) if key is None else key
    return made.private_bytes(Encoding.PEM, form, NoEncryption()).decode()  # type: ignore[attr-defined] # a private key


def coinbase(**more: object) -> ExchangeConfig:
    return ExchangeConfig.model_validate({"id": "coinbase", "api_key_env": "KEY", "secret_env": "SECRET", **more})


def test_a_gateway_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its id, with a key in the environment; users know the class by two names."""
    monkeypatch.setenv("KEY", NAME)
    monkeypatch.setenv("SECRET", pem())

    async def main() -> None:
        gateway = await open_gateway("main", coinbase(wallets=["spot", "vault"]), ReconciliationConfig())
        assert isinstance(gateway, CoinbaseGateway)
        await gateway.close()

    asyncio.run(main())
    assert CoinbaseReconciler is CoinbaseGateway


def test_only_its_own_wallets() -> None:
    """Another wallet is a configuration error that says what is right."""
    check_exchanges({"main": coinbase(wallets=["vault"])})
    with pytest.raises(ConfigError, match=r'exchanges\.main\.wallets: "margin" .* use "spot", "vault" or both'):
        check_exchanges({"main": coinbase(wallets=["spot", "margin"])})


@pytest.mark.parametrize("form", [PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8])
def test_the_private_key_in_every_form_in_which_it_is_handed_out(form: PrivateFormat, tmp_path: Path) -> None:
    """As a file of several lines, or on one line with the breaks written out, as JSON has it."""
    whole = pem(form=form)
    written = json.dumps(whole).strip('"')
    file = tmp_path / "key.pem"
    file.touch(mode=0o600)
    file.write_text(whole)
    for exchange, secret in (
        (coinbase(), whole),
        (coinbase(), written),
        (coinbase(secret_env=None, secret_file=file), ""),
    ):
        got = resolve_credentials("main", exchange, {"KEY": NAME, "SECRET": secret})
        assert got.secret.get_secret_value() == whole.strip()


@pytest.mark.parametrize(
    "secret",
    [
        "a2V5IG9mIGFuIG9sZGVyIGtpbmQ=",
        pem().replace("MHcC", "AAAA"),
        pem(ec.derive_private_key(12345, ec.SECP256K1())),
        pem(ed25519.Ed25519PrivateKey.from_private_bytes(b"7" * 32), PrivateFormat.PKCS8),
    ],
    ids=["hmac", "damaged", "another curve", "ed25519"],
)
def test_other_keys_are_refused_at_start(secret: str) -> None:
    """What cannot sign such a token is told before anything starts, without being shown."""
    with pytest.raises(CredentialsError, match=r"exchanges\.main\.secret_\*: not an EC private key") as caught:
        resolve_credentials("main", coinbase(), {"KEY": NAME, "SECRET": secret})
    assert secret.splitlines()[-1] not in str(caught.value)


def test_a_key_is_text() -> None:
    """Bytes that cannot be printed are no key, and the key's name has one line."""
    with pytest.raises(ConfigError, match="in printable text"):
        resolve_credentials("main", coinbase(), {"KEY": NAME, "SECRET": f"{pem()}\x00"})
    with pytest.raises(ConfigError, match="on one line"):
        resolve_credentials("main", coinbase(), {"KEY": f"{NAME}\n{NAME}", "SECRET": pem()})


def test_prices_that_are_not_understood_are_left_out() -> None:
    """No number, no price above zero, a product that was not asked for."""
    rows = [
        {"product_id": "BTC-USD", "price": ""},
        {"product_id": "ETH-USD", "price": "0"},
        {"product_id": "X-USD", "price": "1"},
    ]
    assert read_prices({"products": rows}, ["BTC", "ETH"], 0) == {}
