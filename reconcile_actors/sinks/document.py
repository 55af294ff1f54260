"""A notice as JSON, and the signature that shows who sent it (docs/alerts.md)."""

import hashlib
import hmac
from typing import Final

import orjson

from reconcile_actors.messages.wire import iso
from reconcile_actors.sinks.port import Notice

SCHEMA: Final = "reconcile-actors/alert/1"
SIGNATURE_VERSION: Final = "v1"


def body_of(notice: Notice) -> bytes:
    """The body of a webhook's request."""
    one = notice.alert
    return orjson.dumps(
        {
            "schema": SCHEMA,
            "origin": notice.origin,
            "event": notice.event,
            "key": one.key,
            "phase": one.phase,
            "reminder": notice.reminder,
            "kind": one.kind,
            "severity": one.severity,
            "account": one.account,
            "id": one.id,
            "currency": one.currency,
            "state": one.state,
            "cause": one.cause,
            "value": one.value,
            "text": one.text,
            "advice": one.advice,
            "at": iso(notice.at),
        }
    )


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """`v1=` and the hex of HMAC-SHA256 over `timestamp.body`: the time is signed too, so that an old request is no new one."""
    return f"{SIGNATURE_VERSION}={hmac.new(secret, timestamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"
