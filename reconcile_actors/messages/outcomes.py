"""What the sender of a record learns."""

from typing import Literal

from reconcile_actors.messages.base import Message


class Accepted(Message):
    """Taken into a mailbox, not yet durable."""


class Rejected(Message):
    """Not taken; `reason` says why. The account is unknown (`local_gap`) until backfill or a restatement heals it."""

    reason: str


class Recorded(Message):
    """The lasting answer to a record: `recorded` and `duplicate` are committed to disk (I8), `refused` changed nothing."""

    status: Literal["recorded", "duplicate", "refused"]
    reason: str | None = None
