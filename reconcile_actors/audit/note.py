"""Signed notes (C2SP signed-note v1.0.0) and the log's checkpoints (C2SP tlog-checkpoint v1.0.0).

A checkpoint is what the log's key says: "at this size my tree had this root". Everything that a verifier believes about
the log rests on these few lines.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reconcile_actors.audit.errors import NoteError, SignatureError
from reconcile_actors.audit.keys import SigningKey, VerifierKey, is_key_name, strict_base64

MAX_NOTE_BYTES: Final = 262_144
MAX_SIGNATURES: Final = 100
ROOT_BYTES: Final = 32
KEY_ID_BYTES: Final = 4
_DASH: Final = "\N{EM DASH} "
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line, not yet judged."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note. `text` ends in a newline; nothing in it may be believed before a signature is verified."""

    text: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: its name, the number of its leaves and their root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The note text: origin, size in decimal, root in base64, one a line."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Parse a note text; raises `NoteError`. Extension lines are refused, since this log never writes any."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not is_key_name(lines[0]) or not _SIZE.fullmatch(lines[1]):
            raise NoteError("the note is not a checkpoint")
        try:
            root = strict_base64(lines[2])
        except (binascii.Error, ValueError):
            raise NoteError("the checkpoint's root is not base64") from None
        if len(root) != ROOT_BYTES:
            raise NoteError(f"the checkpoint's root has not {ROOT_BYTES} bytes")
        return cls(lines[0], int(lines[1]), root)


def sign_text(text: str, key: SigningKey) -> bytes:
    """A note over `text` with one signature line. `text` ends in a newline and holds no other control character."""
    if not text.endswith("\n") or _has_controls(text):
        raise NoteError("a note's text ends in a newline and has no other control character")
    line = base64.b64encode(key.verifier.key_id + key.sign(text.encode())).decode("ascii")
    return f"{text}\n{_DASH}{key.name} {line}\n".encode()


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> bytes:
    """The signed note of a checkpoint. The caller answers for never signing two that are inconsistent."""
    text = checkpoint.text()
    Checkpoint.parse(text)  # refuses what could not be read back
    return sign_text(text, key)


def parse_note(data: bytes) -> Note:
    """Take a note apart without judging it; raises `NoteError` for any deviation from the format."""
    if len(data) > MAX_NOTE_BYTES:
        raise NoteError("the note is too large")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise NoteError("the note is not UTF-8") from None
    body, blank, tail = whole.rpartition("\n\n")  # the last empty line: a text may have some of its own
    if _has_controls(whole) or not blank or not tail.endswith("\n"):
        raise NoteError("the note has no text and signatures apart")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError("the note has too many signatures")
    return Note(body + "\n", tuple(_parse_signature(line) for line in lines))


def verify_note(data: bytes, keys: Sequence[VerifierKey]) -> Note:
    """The note, if at least one of `keys` signed it and none of them is claimed wrongly; lines of other keys are ignored.

    Raises `NoteError` where it is malformed, `SignatureError` where no given key signed it or a given key's signature
    does not hold.
    """
    note = parse_note(data)
    known = {(key.name, key.key_id): key for key in keys}
    if len(known) != len(set(keys)):
        raise SignatureError("two of the given keys share name and key id")
    message = note.text.encode()
    verified = False
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        if not key.verifies(message, line.signature):
            raise SignatureError("the signature does not hold")
        verified = True
    if not verified:
        raise SignatureError("no given key has signed the note")
    return note


def verify_checkpoint(data: bytes, keys: Sequence[VerifierKey]) -> Checkpoint:
    """`verify_note`, then the checkpoint in it."""
    return Checkpoint.parse(verify_note(data, keys).text)


def _parse_signature(line: str) -> NoteSignature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not _is_note_name(name):
        raise NoteError("a signature line is malformed")
    try:
        data = strict_base64(encoded)
    except (binascii.Error, ValueError):
        raise NoteError("a signature is not base64") from None
    if len(data) <= KEY_ID_BYTES:
        raise NoteError("a signature is too short")
    return NoteSignature(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


def _is_note_name(name: str) -> bool:
    """The format's own rule, wider than ours: lines of strangers are ignored, not refused."""
    return bool(name) and "+" not in name and not any(char.isspace() for char in name)


def _has_controls(text: str) -> bool:
    return _CONTROL.search(text) is not None
