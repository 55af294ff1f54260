"""Who is asking: key names with EC keys, and the tokens (JWT, ES256) that they sign, checked as the exchange checks them.

A token names its key (`kid`, `sub`), its request (`uri` is `METHOD HOST/PATH`, without the query) and the time in which it
holds (`nbf` to `exp`, at most two minutes); its signature is r || s over P-256 and SHA-256.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from reconcile_actors.simulation.account import Account
from reconcile_actors.simulation.coinbase.errors import CoinbaseError, unauthorized
from reconcile_actors.simulation.coinbase.limits import Limits
from reconcile_actors.simulation.ids import IdMint

LIFE_SECONDS = 120
ISSUERS = {"coinbase-cloud", "cdp"}
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of the group P-256


class Permission(StrEnum):
    """What a key may do, in the exchange's own words."""

    VIEW = "can_view"
    TRADE = "can_trade"
    TRANSFER = "can_transfer"


READ_ONLY = frozenset({Permission.VIEW})
ALL_PERMISSIONS = frozenset(Permission)


class UuidMint(IdMint):
    """Ids in this exchange's form: uuids, whatever they name."""

    def short(self, first: str) -> str:  # noqa: ARG002 - what is named shows in no uuid
        """An order, trade or ledger row."""
        return self.uuid()

    def long(self, first: str) -> str:  # noqa: ARG002 - as above
        """A deposit, withdrawal or transfer."""
        return self.uuid()

    def uuid(self) -> str:
        """A uuid of version 4."""
        text = self.bytes(16).hex()
        variant = "89ab"[int(text[16], 16) % 4]
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"


@dataclass(frozen=True, slots=True)
class Keys:
    """A key's name and its private key (PEM); neither part appears in a repr, so that no traceback shows it (I7)."""

    api_key: str = field(repr=False)
    secret: str = field(repr=False)
    public: ec.EllipticCurvePublicKey = field(repr=False)

    @classmethod
    def made_up(cls, mint: UuidMint) -> "Keys":
        """Keys in the exchange's form: `organizations/UUID/apiKeys/UUID` and a P-256 key."""
        private = ec.derive_private_key(int.from_bytes(mint.bytes(40)) % (_ORDER - 1) + 1, ec.SECP256R1())
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
        return cls(f"organizations/{mint.uuid()}/apiKeys/{mint.uuid()}", pem, private.public_key())


@dataclass(slots=True)
class User:
    """One customer: an account, the one key that reads it, and the uuids of its wallets, each made when first listed.

    `hidden` are assets whose transactions v2 does not list, as those of a second portfolio.
    """

    name: str
    account: Account
    keys: Keys
    limits: Limits | None
    mint: UuidMint
    id: str
    permissions: frozenset[Permission] = ALL_PERMISSIONS
    uuids: dict[str, str] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def uuid_of(self, asset: str) -> str:
        """The uuid of the wallet that holds an asset."""
        return self.uuids.setdefault(asset, self.mint.uuid())

    def asset_of(self, uuid: str) -> str | None:
        """The asset of a wallet."""
        return next((asset for asset, known in self.uuids.items() if known == uuid), None)


def authenticate(users: Mapping[str, User], header: str, uris: frozenset[str], now: float) -> User:
    """The user behind a request for one of `uris`. Raises `CoinbaseError` (401) and never says why."""
    try:
        scheme, _, token = header.partition(" ")
        signed, _, signature = token.rpartition(".")
        head, claims = (json.loads(_decoded(part)) for part in signed.split("."))
        raw = _decoded(signature)
        user = users.get(str(head["kid"]))
        if scheme != "Bearer" or user is None or len(raw) != 64 or not _holds(head, claims, uris, now):
            raise unauthorized()
        dss = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        user.keys.public.verify(dss, signed.encode(), ec.ECDSA(hashes.SHA256()))
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, InvalidSignature):
        raise unauthorized() from None
    return user


def require(user: User, permission: Permission) -> None:
    """Raises `CoinbaseError` (403) for a key that may not."""
    if permission not in user.permissions:
        raise CoinbaseError(403, "PERMISSION_DENIED", "Missing required scopes")


def _holds(head: dict[str, object], claims: dict[str, object], uris: frozenset[str], now: float) -> bool:
    begin, end = claims["nbf"], claims["exp"]
    return (
        head["alg"] == "ES256"
        and bool(head.get("nonce"))
        and claims["sub"] == head["kid"]
        and claims["iss"] in ISSUERS
        and claims["uri"] in uris
        and isinstance(begin, int)
        and isinstance(end, int)
        and begin <= now < end <= begin + LIFE_SECONDS
    )


def _decoded(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
