"""The format page is enough: a verifier written from it, on the standard library alone, agrees with ours."""

import base64
import hashlib
import json
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from reconcile_actors.audit.keys import SigningKey
from reconcile_actors.audit.note import verify_checkpoint
from reconcile_actors.audit.state import LogState
from reconcile_actors.audit.verdict import Verdict
from reconcile_actors.audit.writer import Entry, LogWriter, Payload
from tests.unit.audit.audit_log_files import START, build, edit_body, editing, rehash

PAGE = (Path(__file__).parents[3] / "docs" / "audit-format.md").read_text()


def test_the_worked_example_is_what_the_writer_makes() -> None:
    """Key, leaves, hashes, node and checkpoint of the page come out byte for byte."""
    key = SigningKey("example.org/reconcile/prod", bytes(range(32)))
    writer = LogWriter(LogState.empty(), key, key.name)
    first = writer.start(START)
    writer.commit(first)
    example = Entry(
        "report.recorded",
        {"status": "matched", "threshold_usd": "10.0"},
        account="kraken-main",
        correlation="pass-1",
        payload=Payload(bytes(32), b"full state"),
    )
    second = writer.append([example], START + timedelta(seconds=1))
    blocks = PAGE.partition("## Worked example")[2].split("```\n")[1::2]
    assert blocks == [
        key.verifier.vkey + "\n",
        first.leaves[0].data.decode() + "\n",
        second.leaves[0].data.decode() + "\n",
        second.checkpoint.note.decode(),
    ]
    for digest in (first.leaves[0].hash, second.leaves[0].hash, second.nodes[0].hash):
        assert f"`{digest.hex()}`" in PAGE
    assert verify_checkpoint(blocks[3].encode(), [key.verifier]).size == 2


def test_the_page_lists_every_verdict() -> None:
    """Each exit code of the verifier stands in the page's table."""
    rows = [line.split("|")[1].strip() for line in PAGE.splitlines() if line.startswith("| ")]
    assert {str(verdict.value) for verdict in Verdict} <= set(rows)


def _root(hashes: list[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + _root(hashes[:split]) + _root(hashes[split:])).digest()


def _from_the_page(path: Path) -> int | None:
    """The first bad entry by steps 1 to 5 of the page, signatures left out; None where there is none."""
    db = sqlite3.connect(path)
    try:
        leaves = db.execute("SELECT seq, leaf, leaf_hash FROM log ORDER BY seq").fetchall()
        nodes = {(level, idx): digest for level, idx, digest in db.execute("SELECT * FROM node")}
        notes = {size: (note, at) for size, note, at in db.execute("SELECT * FROM checkpoint")}
        payloads = {seq: (salt, body) for seq, salt, body in db.execute("SELECT * FROM payload")}
    finally:
        db.close()
    hashes: list[bytes] = []
    last_at, last_good = None, 0
    for place, (seq, leaf, stored) in enumerate(leaves):
        value = json.loads(leaf)
        canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        digest = hashlib.sha256(b"\x00" + leaf).digest()
        prev = hashes[-1].hex() if hashes else "0" * 64
        if (seq, value["seq"], canonical, stored, value["prev"]) != (place, place, leaf, digest, prev):
            return place
        hashes.append(digest)
        for level in range(1, 64):
            if (place + 1) % (1 << level):
                break
            start = place + 1 - (1 << level)
            if nodes.get((level, start >> level)) != _root(hashes[start:]):
                return max(start, last_good)
        if seq in payloads and hashlib.sha256(b"".join(payloads[seq])).hexdigest() != value["commit"]:
            return place
        if last_at not in (None, value["at"]) and place not in notes:
            return last_good
        last_at = value["at"]
        if place + 1 in notes:
            note, at = notes[place + 1]
            origin, size, root = note.decode().split("\n")[:3]
            expected = (json.loads(leaves[0][1])["body"]["origin"], str(place + 1), _root(hashes), last_at)
            if (origin, size, base64.b64decode(root), at) != expected:
                return last_good
            last_good = place + 1
    return None if last_good == len(leaves) else last_good


@pytest.mark.parametrize("attack", ["none", "edit", "suffix", "suffix, nodes left", "checkpoint", "payload", "node"])
def test_a_verifier_from_the_page_agrees(tmp_path: Path, attack: str) -> None:
    """Honest and altered logs get the same first bad entry from an implementation that shares no code with ours."""
    log = build(tmp_path / "log.db", (4, 3, 4))
    with editing(log.path) as db:
        if attack == "edit":
            edit_body(db, 6)
        elif attack.startswith("suffix"):
            edit_body(db, 6)
            rehash(db, nodes=attack == "suffix")
        elif attack == "checkpoint":
            db.execute("DELETE FROM checkpoint WHERE size = 8")
        elif attack == "payload":
            db.execute("UPDATE payload SET body = x'00' WHERE seq = 9")
        elif attack == "node":
            db.execute("DELETE FROM node WHERE level = 2 AND idx = 2")
    result = log.verify()
    assert result.first_bad_seq == _from_the_page(log.path)
    assert (result.verdict is Verdict.VERIFIED) == (attack == "none")
