"""Signed notes and checkpoints: published vectors, strict form, which signatures count."""

import base64

import pytest

from reconcile_actors.audit.errors import NoteError, SignatureError
from reconcile_actors.audit.keys import SigningKey, VerifierKey
from reconcile_actors.audit.note import (
    MAX_NOTE_BYTES,
    Checkpoint,
    parse_note,
    sign_checkpoint,
    sign_text,
    verify_checkpoint,
    verify_note,
)

# From the documentation and tests of golang.org/x/mod/sumdb/note.
PETER = VerifierKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
PETER_SIGNS = SigningKey.parse("PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")
ENOCH = VerifierKey.parse("EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop")
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)
NOTE = f"{TEXT}\n{PETER_LINE}"

# The example of the C2SP tlog-checkpoint page.
CHECKPOINT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


def test_signing_gives_the_published_note() -> None:
    """Ed25519 is deterministic, so the published note comes out byte for byte."""
    assert sign_text(TEXT, PETER_SIGNS) == NOTE.encode()


def test_the_published_notes_verify() -> None:
    """One known signer is enough, and lines of unknown keys are ignored."""
    both = (NOTE + ENOCH_LINE).encode()
    assert verify_note(NOTE.encode(), [PETER]).text == TEXT
    assert [line.name for line in verify_note(both, [PETER]).signatures] == ["PeterNeumann", "EnochRoot"]
    assert verify_note(both, [ENOCH, PETER]).text == verify_note(both, [ENOCH]).text == TEXT


def test_no_known_signer() -> None:
    """A note that no given key signed is refused, with a key of the same name but another id too."""
    renamed = VerifierKey("PeterNeumann", ENOCH.public_key)
    for keys in ([], [ENOCH], [renamed]):
        with pytest.raises(SignatureError, match="no given key"):
            verify_note(NOTE.encode(), keys)


def test_a_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    """A line that claims a given key must hold, even beside a good one and even where it repeats a good one."""
    line = bytearray(base64.b64decode(PETER_LINE.split(" ")[2]))
    line[20] ^= 1
    bad = f"— PeterNeumann {base64.b64encode(bytes(line)).decode()}\n"
    for lines in (bad, bad + ENOCH_LINE, ENOCH_LINE + bad, PETER_LINE + bad):
        with pytest.raises(SignatureError, match="does not hold"):
            verify_note(f"{TEXT}\n{lines}".encode(), [PETER, ENOCH])


def test_a_changed_text_is_found() -> None:
    """The signature covers every character of the text."""
    with pytest.raises(SignatureError, match="does not hold"):
        verify_note(NOTE.replace("answer", "Answer").encode(), [PETER])


def test_two_keys_that_cannot_be_told_apart() -> None:
    """Keys of one name and id but other contents are a configuration error; the same key twice is not."""
    assert verify_note(NOTE.encode(), [PETER, PETER]).text == TEXT

    class SameId(VerifierKey):
        @property
        def key_id(self) -> bytes:
            return PETER.key_id

    with pytest.raises(SignatureError, match="share"):
        verify_note(NOTE.encode(), [PETER, SameId("PeterNeumann", bytes(32))])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        TEXT.encode(),
        f"{TEXT}\n".encode(),
        NOTE[:-1].encode(),
        b"\x01" + NOTE.encode(),
        b"\xff" + NOTE.encode(),
        NOTE.replace("\n\n", "\r\n\r\n").encode(),
        f"{TEXT}\n— Bad Name x08go/ZJkuA=\n".encode(),
        f"{TEXT}\n— a+b AAAAAAA=\n".encode(),
        f"{TEXT}\n— x08go/ZJkuA=\n".encode(),
        f"{TEXT}\n—  x08go/ZJkuA=\n".encode(),
        f"{TEXT}\n- PeterNeumann x08go/ZJkuA=\n".encode(),
        f"{TEXT}\n— PeterNeumann AAAA\n".encode(),
        f"{TEXT}\n— PeterNeumann AAAAAAB=\n".encode(),
        (NOTE + "Unexpected line.\n").encode(),
        (TEXT + "\n" + PETER_LINE * 101).encode(),
        b"x" * MAX_NOTE_BYTES + NOTE.encode(),
    ],
)
def test_malformed_notes(data: bytes) -> None:
    """Every deviation from the format is refused before a signature is looked at."""
    with pytest.raises(NoteError) as caught:
        verify_note(data, [PETER])
    assert not isinstance(caught.value, SignatureError)


def test_a_text_may_have_empty_lines() -> None:
    """The last empty line divides text and signatures."""
    assert parse_note(sign_text("a\n\nb\n", PETER_SIGNS)).text == "a\n\nb\n"
    assert len(parse_note((TEXT + "\n" + PETER_LINE * 100).encode()).signatures) == 100


@pytest.mark.parametrize("text", ["", "no newline", "tab\there\n", "return\r\n"])
def test_texts_that_cannot_be_signed(text: str) -> None:
    """What could not be read back is not signed."""
    with pytest.raises(NoteError):
        sign_text(text, PETER_SIGNS)


def test_the_published_checkpoint_parses() -> None:
    """The specification's example is read and written byte for byte."""
    checkpoint = Checkpoint.parse(CHECKPOINT)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.text() == CHECKPOINT


def test_a_signed_checkpoint_verifies() -> None:
    """What was signed comes back, under the right key only."""
    checkpoint = Checkpoint("example.org/log", 3, bytes(range(32)))
    note = sign_checkpoint(checkpoint, PETER_SIGNS)
    assert verify_checkpoint(note, [PETER]) == checkpoint
    with pytest.raises(SignatureError):
        verify_checkpoint(note, [ENOCH])


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint("", 1, bytes(32)),
        Checkpoint("a\nb", 1, bytes(32)),
        Checkpoint("a", -1, bytes(32)),
        Checkpoint("a", 1, b""),
    ],
)
def test_checkpoints_that_cannot_be_signed(checkpoint: Checkpoint) -> None:
    """The log never signs what it could not read back."""
    with pytest.raises(NoteError):
        sign_checkpoint(checkpoint, PETER_SIGNS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        CHECKPOINT[:-1],
        CHECKPOINT + "extension\n",
        CHECKPOINT.replace("20852163", "020852163"),
        CHECKPOINT.replace("20852163", "-1"),
        CHECKPOINT.replace("20852163", "1e3"),
        CHECKPOINT.replace("20852163", "٣"),
        CHECKPOINT.replace("20852163", "1" * 17),
        CHECKPOINT.replace("example", "exam ple"),
        CHECKPOINT.replace("q2I=", "q2J="),
        CHECKPOINT.replace("CsUY", "CsU!"),
        CHECKPOINT.replace("CsUY", ""),
    ],
)
def test_malformed_checkpoints(text: str) -> None:
    """A checkpoint has exactly three lines, each with one spelling."""
    with pytest.raises(NoteError):
        Checkpoint.parse(text)
