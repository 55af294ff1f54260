"""An account of dYdX is named by its address and subaccount, and by no key."""

import pytest
from pydantic import ValidationError

from reconcile_actors.config import load_text
from reconcile_actors.config.models import ExchangeConfig
from reconcile_actors.errors import ConfigError
from reconcile_actors.exchanges.credentials import check_credentials, resolve_credentials

ADDRESS = "dydx14zzueazeh0hj67cghhf9jypslcf9sh2n5k6art"


def dydx(**keys: object) -> ExchangeConfig:
    return ExchangeConfig.model_validate({"id": "dydx", "address": ADDRESS, **keys})


def test_the_defaults_are_the_exchange_s() -> None:
    """One wallet called perp, subaccount 0; both can be given."""
    assert (dydx().wallets, dydx().subaccount) == (("perp",), 0)
    given = dydx(wallets=["main"], subaccount=3)
    assert (given.wallets, given.subaccount) == (("main",), 3)
    assert ExchangeConfig.model_validate({"id": "kraken"}).subaccount is None


@pytest.mark.parametrize(
    ("keys", "right"),
    [
        ({"address": None}, "set address"),
        ({"address": ADDRESS[:-1]}, "38 more characters"),
        ({"address": ADDRESS.upper()}, "lower case"),
        ({"address": ADDRESS[:-1] + "b"}, "38 more characters"),
        ({"address": "cosmos1" + ADDRESS[5:]}, "dydx1"),
        ({"subaccount": -1}, "greater than or equal to 0"),
        ({"subaccount": 128_001}, "less than or equal to 128000"),
        ({"subaccount": True}, "not a number"),
        ({"wallets": ["perp", "spot"]}, "one wallet"),
        ({"api_key_env": "KEY"}, "api_key_env: dydx is read by address, without keys"),
        ({"password_command": "pass show it"}, "without keys"),
        ({"id": "kraken"}, "for dydx alone"),
        ({"id": "kraken", "address": None, "subaccount": 0}, "for dydx alone"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_right(keys: dict[str, object], right: str) -> None:
    """Each mistake has its own sentence, and none echoes a value."""
    with pytest.raises(ValidationError, match=right) as caught:
        dydx(**keys)
    assert ADDRESS[10:] not in str(caught.value)


def test_no_keys_are_asked_for() -> None:
    """An account with an address resolves without any; two of one subaccount are one account."""
    resolved = resolve_credentials("main", dydx(), {})
    assert resolved.api_key.get_secret_value() == resolved.secret.get_secret_value() == ""
    text = '[exchanges.{name}]\nid = "dydx"\naddress = "' + ADDRESS + '"\nsubaccount = {number}\n'
    check_credentials(load_text(text.format(name="a", number=0) + text.format(name="b", number=1)), {})
    with pytest.raises(ConfigError, match=r"exchanges\.a and exchanges\.b are one subaccount: remove one"):
        check_credentials(load_text(text.format(name="a", number=0) + text.format(name="b", number=0)), {})
