"""Which wallet an account of Coinbase belongs to: its type says so, and nothing is merged over wallets."""

from collections.abc import Iterable, Mapping
from typing import Final

from reconcile_actors.errors import ConfigError

SPOT: Final = "spot"
VAULT: Final = "vault"
UNKNOWN: Final = "unknown"
WALLETS: Final = frozenset({SPOT, VAULT})
_BY_TYPE: Final[Mapping[str, str]] = {
    "ACCOUNT_TYPE_CRYPTO": SPOT,
    "ACCOUNT_TYPE_FIAT": SPOT,
    "ACCOUNT_TYPE_VAULT": VAULT,
    # Collateral of perpetuals: known, never compared, never merged.
    "ACCOUNT_TYPE_PERP_FUTURES": "perpetuals",
}


def wallet_of(account_type: str) -> str:
    """The wallet of an account type; UNKNOWN for a type that is not listed."""
    return _BY_TYPE.get(account_type, UNKNOWN)


def check_wallets(name: str, wallets: Iterable[str]) -> None:
    """Whether an account can be configured so. Raises ConfigError."""
    others = sorted(set(wallets) - WALLETS)
    if others:
        raise ConfigError(
            f'exchanges.{name}.wallets: "{others[0]}" is no wallet of Coinbase; use "spot", "vault" or both'
        )
