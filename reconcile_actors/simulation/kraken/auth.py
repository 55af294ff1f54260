"""Who is asking: API keys, signatures, nonces and permissions, as the exchange checks them.

A signature is base64(HMAC-SHA512(path + SHA256(nonce + body), key = base64-decoded secret)); the path is `/0/private/NAME` alone, whatever
came before it in the URL.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconcile_actors.simulation.account import Account
from reconcile_actors.simulation.ids import IdMint
from reconcile_actors.simulation.kraken.errors import KrakenError
from reconcile_actors.simulation.kraken.limits import CallCounter


class Permission(StrEnum):
    """What a key may do, in the exchange's own words."""

    QUERY_FUNDS = "query-funds"
    QUERY_OPEN = "query-open-trades"
    QUERY_CLOSED = "query-closed-trades"
    QUERY_LEDGER = "query-ledger"
    MODIFY_TRADES = "modify-trades"
    CLOSE_TRADES = "close-trades"
    WITHDRAW_FUNDS = "withdraw-funds"


READ_ONLY = frozenset({Permission.QUERY_FUNDS, Permission.QUERY_OPEN, Permission.QUERY_CLOSED, Permission.QUERY_LEDGER})
ALL_PERMISSIONS = frozenset(Permission)


@dataclass(frozen=True, slots=True)
class Keys:
    """A key pair; neither part appears in a repr, so that no traceback shows it (I7)."""

    api_key: str = field(repr=False)
    secret: str = field(repr=False)

    @classmethod
    def made_up(cls, mint: IdMint) -> "Keys":
        """Keys in the exchange's form: 56 characters, and 64 bytes as base64."""
        return cls(base64.b64encode(mint.bytes(42)).decode(), base64.b64encode(mint.bytes(64)).decode())


@dataclass(slots=True)
class User:
    """One customer: an account and the one key pair that reads it."""

    name: str
    account: Account
    keys: Keys
    counter: CallCounter | None
    permissions: frozenset[Permission] = ALL_PERMISSIONS
    last_nonce: int = 0
    made_at: float = 0.0


def sign(secret: str, path: str, nonce: str, body: bytes) -> str:
    """The signature of one request; `body` holds the nonce too, just as it is sent."""
    digest = hashlib.sha256(nonce.encode() + body).digest()
    return base64.b64encode(
        hmac.new(base64.b64decode(secret), path.encode() + digest, hashlib.sha512).digest()
    ).decode()


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a signature is about: `path` is `/0/private/NAME`, `body` the bytes as they came."""

    api_key: str = field(repr=False)
    signature: str = field(repr=False)
    path: str
    nonce: str
    body: bytes = field(repr=False)


def authenticate(users: Mapping[str, User], request: SignedRequest) -> User:
    """The user behind a request. Raises `KrakenError` for a wrong key, a wrong signature or a nonce that does not increase."""
    user = users.get(request.api_key)
    if user is None:
        raise KrakenError("EAPI:Invalid key")
    expected = sign(user.keys.secret, request.path, request.nonce, request.body)
    if not hmac.compare_digest(expected.encode(), request.signature.encode()):
        raise KrakenError("EAPI:Invalid signature")
    if not (request.nonce.isascii() and request.nonce.isdigit()) or int(request.nonce) <= user.last_nonce:
        raise KrakenError("EAPI:Invalid nonce")
    user.last_nonce = int(request.nonce)
    return user
