"""Verify a log file against what the caller trusts: a verifier key, and a head kept elsewhere.

A log that is consistent in itself proves little: an old copy with its old checkpoint is consistent too. Only a trusted
head, a checkpoint that was stored where the log's keeper cannot reach it, tells a whole log from a rolled-back one.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from reconcile_actors.audit.errors import NoteError, SignatureError
from reconcile_actors.audit.keys import VerifierKey
from reconcile_actors.audit.note import Checkpoint, parse_note, verify_note
from reconcile_actors.audit.scan import LogScan
from reconcile_actors.audit.source import open_source
from reconcile_actors.audit.verdict import Evidence, HeadFinding, Verdict, VerifyResult, judge


def verify_log(
    path: Path,
    *,
    keys: Sequence[VerifierKey] = (),
    trusted_head: bytes | None = None,
    trust_log_key: bool = False,
) -> VerifyResult:
    """Read every row of the log at `path` and say what it is worth; nothing is written.

    `keys` are the log's verifier keys, known from elsewhere. `trusted_head` is a signed checkpoint kept elsewhere; beside a
    live writer read it before calling, since a head newer than the snapshot would look like truncation. `trust_log_key`
    takes the key from the log itself, for convenience; the best outcome is then `CONSISTENT_ONLY`. Raises `ValueError`
    unless exactly one of `keys` and `trust_log_key` is given; every finding about the file is a result, never an error.
    """
    if bool(keys) == trust_log_key:
        raise ValueError("give verifier keys, or trust the log's own, not both or neither")
    head, malformed = _parse_head(trusted_head)
    try:
        with open_source(path) as source:
            evidence = LogScan(source, keys, head).run()
    except (sqlite3.Error, OSError) as error:
        evidence = Evidence(unreadable=f"the database cannot be opened: {error}")
    finding = malformed or _judge_head(trusted_head, head, evidence)
    return judge(evidence, finding, own_key=trust_log_key)


def _parse_head(data: bytes | None) -> tuple[Checkpoint | None, HeadFinding | None]:
    if data is None:
        return None, None
    try:
        return Checkpoint.parse(parse_note(data).text), None
    except NoteError as error:
        return None, HeadFinding(0, (Verdict.UNREADABLE, f"the trusted head is unreadable: {error}"))


def _judge_head(data: bytes | None, head: Checkpoint | None, evidence: Evidence) -> HeadFinding | None:
    if data is None or head is None or not evidence.keys:  # no key: nothing was readable that could have named one
        return None
    try:
        verify_note(data, evidence.keys)
    except SignatureError as error:
        return HeadFinding(head.size, (Verdict.BAD_SIGNATURE, f"the trusted head is not signed by the key: {error}"))
    if evidence.origin not in (None, head.origin):
        return HeadFinding(head.size, (Verdict.BAD_SIGNATURE, "the trusted head is of another log"))
    return HeadFinding(head.size)
