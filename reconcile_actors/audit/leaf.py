"""One entry of the log as bytes: built once, stored exactly, hashed as RFC 6962 hashes a leaf.

Each leaf names its own number and its predecessor's hash, so a leaf moved, dropped or slipped in contradicts itself or
its neighbour even before the tree is looked at. What may have to be erased later stays out: the leaf holds only a salted
commitment to it.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from reconcile_actors.audit.canonical import MAX_INTEGER, JsonValue, canonical_bytes, parse_canonical
from reconcile_actors.audit.errors import CanonicalError, LeafError, LeafTooLarge

LEAF_VERSION: Final = 1
MAX_LEAF_BYTES: Final = 65_535
HASH_BYTES: Final = 32
SALT_BYTES: Final = 32
ZERO_HASH: Final = bytes(HASH_BYTES)

_FIELDS: Final = frozenset(("v", "seq", "prev", "at", "kind", "account", "correlation", "body", "commit"))
_KIND: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}")
_HEX: Final = re.compile(r"[0-9a-f]{64}")
# Hour 24 has to be refused here, since newer Pythons read it as the next day.
_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A finished leaf: its number, its exact bytes and SHA-256(0x00 || bytes)."""

    seq: int
    data: bytes = field(repr=False)
    hash: bytes


@dataclass(frozen=True, slots=True)
class LeafRecord:
    """A parsed leaf. `prev` and `commit` are raw digests of 32 bytes; `at` is UTC to the microsecond."""

    seq: int
    prev: bytes
    at: datetime
    kind: str
    account: str | None
    correlation: str | None
    body: Mapping[str, JsonValue] = field(repr=False)
    commit: bytes | None


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 || leaf bytes) (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def commit_payload(salt: bytes, payload: bytes) -> bytes:
    """SHA-256(salt || payload), salt of 32 random bytes, so that a short payload cannot be guessed from it."""
    if len(salt) != SALT_BYTES:
        raise LeafError(f"a salt has {SALT_BYTES} bytes")
    return hashlib.sha256(salt + payload).digest()


def format_instant(at: datetime) -> str:
    """`2026-01-31T12:00:00.000000Z`; refuses a time without a zone, which would be a guess."""
    if at.utcoffset() is None:
        raise LeafError("a time without a zone")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_instant(text: str) -> datetime:
    """The inverse of `format_instant`; one spelling for each instant, everything else is `LeafError`."""
    if not _INSTANT.fullmatch(text):
        raise LeafError("a time that is not UTC with microseconds")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise LeafError("a time that no calendar has") from None


def build_leaf(
    *,
    seq: int,
    prev: bytes,
    at: datetime,
    kind: str,
    body: Mapping[str, JsonValue],
    account: str | None = None,
    correlation: str | None = None,
    commit: bytes | None = None,
) -> Leaf:
    """Build leaf number `seq` after the leaf whose hash is `prev` (32 zero bytes for the first).

    Raises `LeafError`, `LeafTooLarge` above 65,535 bytes, or `CanonicalError` for a body outside the JSON domain.
    """
    if type(seq) is not int or not 0 <= seq <= MAX_INTEGER:
        raise LeafError("seq is outside 0 .. 2^53 - 1")
    if len(prev) != HASH_BYTES or (commit is not None and len(commit) != HASH_BYTES):
        raise LeafError(f"prev and commit have {HASH_BYTES} bytes")
    if not _KIND.fullmatch(kind):
        raise LeafError("kind is not a short ASCII name")
    if type(body) is not dict:
        raise LeafError("body is not a dict")
    data = canonical_bytes(
        {
            "v": LEAF_VERSION,
            "seq": seq,
            "prev": prev.hex(),
            "at": format_instant(at),
            "kind": kind,
            "account": _text_or_none(account),
            "correlation": _text_or_none(correlation),
            "body": body,
            "commit": None if commit is None else commit.hex(),
        }
    )
    if len(data) > MAX_LEAF_BYTES:
        raise LeafTooLarge(f"a leaf of {len(data)} bytes; the limit is {MAX_LEAF_BYTES}")
    return Leaf(seq, data, leaf_hash(data))


def parse_leaf(data: bytes) -> LeafRecord:
    """Parse a stored leaf strictly: canonical bytes, exactly the known fields, each of its exact form.

    Raises `LeafError` (or `LeafTooLarge`) for anything that `build_leaf` could not have made.
    """
    if len(data) > MAX_LEAF_BYTES:
        raise LeafTooLarge(f"a leaf of {len(data)} bytes; the limit is {MAX_LEAF_BYTES}")
    try:
        value = parse_canonical(data)
    except CanonicalError as error:
        raise LeafError(str(error)) from error
    if not isinstance(value, dict) or value.keys() != _FIELDS:
        raise LeafError("not exactly the fields of a leaf")
    seq, kind, body, at = value["seq"], value["kind"], value["body"], value["at"]
    # `is not int`: in Python True is an int, and in JSON it is not.
    if type(value["v"]) is not int or value["v"] != LEAF_VERSION or type(seq) is not int or seq < 0:
        raise LeafError("v or seq is wrong")
    if not isinstance(kind, str) or not _KIND.fullmatch(kind) or not isinstance(body, dict) or not isinstance(at, str):
        raise LeafError("kind, body or at is wrong")
    return LeafRecord(
        seq=seq,
        prev=_digest(value["prev"]),
        at=parse_instant(at),
        kind=kind,
        account=_text_or_none(value["account"]),
        correlation=_text_or_none(value["correlation"]),
        body=body,
        commit=None if value["commit"] is None else _digest(value["commit"]),
    )


def _digest(value: object) -> bytes:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise LeafError("prev or commit is not 64 lower-case hex digits")
    return bytes.fromhex(value)


def _text_or_none(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise LeafError("account or correlation is neither text nor null")
    return value
