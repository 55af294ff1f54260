"""Who is asking: API keys, signatures and timestamps, as the exchange checks them.

A signature is the hexadecimal HMAC-SHA256 of the query string (and of the body, where there is one) just as it was sent, up to
`&signature=`; the path is no part of it.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconcile_actors.simulation.binance.account import BinanceAccount
from reconcile_actors.simulation.binance.errors import BinanceError
from reconcile_actors.simulation.ids import IdMint

_KEY = re.compile(r"[A-Za-z0-9]{64}")
_RECV_WINDOW_MS = 5000
_AHEAD_MS = 1000


class BinancePermission(StrEnum):
    """What a key may do, in the exchange's own words."""

    READING = "enableReading"
    TRADING = "enableSpotAndMarginTrading"
    WITHDRAWALS = "enableWithdrawals"


ALL_PERMISSIONS = frozenset(BinancePermission)


@dataclass(frozen=True, slots=True)
class Keys:
    """A key pair; neither part appears in a repr, so that no traceback shows it (I7)."""

    api_key: str = field(repr=False)
    secret: str = field(repr=False)

    @classmethod
    def made_up(cls, mint: IdMint) -> "Keys":
        """Keys in the exchange's form: 64 characters each."""
        return cls(mint.hash(), mint.hash())


@dataclass(slots=True)
class User:
    """One customer: an account and the one key pair that reads it."""

    name: str
    account: BinanceAccount
    keys: Keys
    permissions: frozenset[BinancePermission] = ALL_PERMISSIONS
    made_at: float = 0.0


def sign(secret: str, payload: str) -> str:
    """The signature of a query string."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def authenticate(
    users: Mapping[str, User], api_key: str, signed: str, parameters: Mapping[str, str], now_ms: int
) -> User:
    """The user behind a request; `signed` is the query string and body as sent. Raises `BinanceError`."""
    if not _KEY.fullmatch(api_key):
        raise BinanceError(-2014, "API-key format invalid.", status=401)
    user = users.get(api_key)
    if user is None:
        raise BinanceError(-2015, "Invalid API-key, IP, or permissions for action.", status=401)
    payload, found, signature = signed.rpartition("&signature=")
    if not found:
        raise BinanceError(-1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.")
    _require_timely(parameters, now_ms)
    if not hmac.compare_digest(sign(user.keys.secret, payload).encode(), signature.encode()):
        raise BinanceError(-1022, "Signature for this request is not valid.")
    if BinancePermission.READING not in user.permissions:
        raise BinanceError(-2015, "Invalid API-key, IP, or permissions for action.", status=401)
    return user


def _require_timely(parameters: Mapping[str, str], now_ms: int) -> None:
    stamp, window = parameters.get("timestamp", ""), parameters.get("recvWindow", str(_RECV_WINDOW_MS))
    if not (stamp.isascii() and stamp.isdigit()):
        raise BinanceError(-1102, "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed.")
    if not (window.isascii() and window.isdigit()) or int(window) > 60_000:
        raise BinanceError(-1131, "recvWindow must be less than 60000.")
    if int(stamp) >= now_ms + _AHEAD_MS:
        raise BinanceError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - int(stamp) > int(window):
        raise BinanceError(-1021, "Timestamp for this request is outside of the recvWindow.")
