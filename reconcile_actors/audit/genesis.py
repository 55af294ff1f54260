"""The first entry of every log: which log this is, whose key signs it, and in which format it is written."""

from typing import Final

from reconcile_actors.audit.canonical import JsonValue
from reconcile_actors.audit.errors import LeafError
from reconcile_actors.audit.keys import VerifierKey, is_key_name
from reconcile_actors.audit.leaf import LeafRecord

GENESIS_KIND: Final = "log.genesis"
LOG_FORMAT: Final = "reconcile-actors/audit/1"


def genesis_body(key: VerifierKey) -> dict[str, JsonValue]:
    """Body of the genesis leaf of a log that `key`, named after its origin, will sign."""
    return {"origin": key.name, "vkey": key.vkey, "format": LOG_FORMAT}


def parse_genesis(record: LeafRecord) -> tuple[str, VerifierKey]:
    """(origin, the key that the log claims) of leaf 0; raises `LeafError` or `KeyFormatError` for anything else.

    The key is a claim of the log about itself. A verifier that takes it proves consistency and nothing more.
    """
    body = record.body
    origin, vkey = body.get("origin"), body.get("vkey")
    if record.kind != GENESIS_KIND or body.keys() != {"origin", "vkey", "format"} or body["format"] != LOG_FORMAT:
        raise LeafError("not a genesis of this format")
    if not isinstance(origin, str) or not is_key_name(origin) or not isinstance(vkey, str):
        raise LeafError("a genesis without origin or key")
    return origin, VerifierKey.parse(vkey)
