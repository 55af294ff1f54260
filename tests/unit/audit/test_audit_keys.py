"""Keys: the ecosystem's published vectors, strict parsing, and key files that nobody else can read."""

import os
import stat
from pathlib import Path

import pytest

from reconcile_actors.audit.errors import KeyFileError, KeyFormatError
from reconcile_actors.audit.keys import SigningKey, VerifierKey, strict_base64

# From the documentation and tests of golang.org/x/mod/sumdb/note.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"


def test_the_published_key_pair() -> None:
    """Name, key id and public key of the published pair come out, and the private one gives the public one."""
    key = VerifierKey.parse(VKEY)
    assert (key.name, key.key_id.hex(), key.vkey) == ("PeterNeumann", "c74f20a3", VKEY)
    assert SigningKey.parse(SKEY + "\n").verifier == key


def test_signing_and_verifying() -> None:
    """A signature holds for its message and key, and for no other message, signature or key."""
    key, other = SigningKey.generate("example.org/log"), SigningKey.generate("example.org/log")
    signature = key.sign(b"message")
    assert key.verifier.verifies(b"message", signature)
    assert not key.verifier.verifies(b"massage", signature)
    assert not key.verifier.verifies(b"message", signature[:-1] + bytes([signature[-1] ^ 1]))
    assert not key.verifier.verifies(b"message", signature[:-1])
    assert not other.verifier.verifies(b"message", signature)


@pytest.mark.parametrize("parse", [VerifierKey.parse, SigningKey.parse])
@pytest.mark.parametrize("text", [VKEY, SKEY])
def test_no_piece_of_a_key_is_a_key(parse: type[VerifierKey], text: str) -> None:
    """Every proper part of a key line, and every line with one character changed, is refused."""
    whole = {VKEY: VerifierKey.parse, SKEY: SigningKey.parse}[text]
    pieces = {text[i:j] for i in range(len(text)) for j in range(i, len(text) + 1)}
    pieces |= {text[:i] + chr(ord(char) + 1) + text[i + 1 :] for i, char in enumerate(text)}
    if parse == whole:
        pieces.discard(text)
    for piece in pieces:
        with pytest.raises(KeyFormatError):
            parse(piece)  # type: ignore[call-arg, unused-ignore]  # a bound class method, not the class


@pytest.mark.parametrize(
    "text",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",  # wrong length
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  # unknown type of key
    ],
)
def test_the_published_bad_keys(text: str) -> None:
    """Keys with a matching id, but of a wrong length or type, are refused."""
    with pytest.raises(KeyFormatError):
        VerifierKey.parse(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\n", "a\x7fb", "a\u2028b"])
def test_names_that_could_not_stand_in_a_line(name: str) -> None:
    """A key's name has no space, plus or control character."""
    with pytest.raises(KeyFormatError):
        SigningKey(name, bytes(32))


def test_a_seed_has_32_bytes() -> None:
    """Any other length is refused before it reaches the cipher."""
    with pytest.raises(KeyFormatError):
        SigningKey("a", bytes(31))


def test_base64_has_one_spelling() -> None:
    """The spare bits of the last digit must be zero, and nothing but digits may occur."""
    assert strict_base64("AA==") == b"\0"
    for text in ("AB==", "AA", "AA=", "A A=", "AA==\n", "é==="):
        with pytest.raises(ValueError, match=r"base64|padding|ASCII"):
            strict_base64(text)


def test_no_text_form_shows_the_seed() -> None:
    """Printing a signing key, and the errors about one, show its public side at most (I7)."""
    seed = SKEY.rpartition("+")[2]
    key = SigningKey.parse(SKEY)
    assert (repr(key), str(key)) == (f"SigningKey({VKEY!r})",) * 2
    with pytest.raises(KeyFormatError) as caught:
        SigningKey.parse(SKEY.replace("c74f20a3", "c74f20a4"))
    assert seed not in str(caught.value)


def test_a_saved_key_loads_again(tmp_path: Path) -> None:
    """A new key file has mode 0600 whatever the umask says, holds one documented line, and leaves nothing beside it."""
    path = tmp_path / "audit.key"
    previous = os.umask(0)
    try:
        SigningKey.parse(SKEY).save(path)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == SKEY + "\n"
    assert SigningKey.load(path).verifier.vkey == VKEY
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    """Saving where a file exists is refused, and the file stays."""
    path = tmp_path / "audit.key"
    SigningKey.parse(SKEY).save(path)
    with pytest.raises(KeyFileError, match="exists"):
        SigningKey.generate("other").save(path)
    assert SigningKey.load(path).name == "PeterNeumann"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o602, 0o644, 0o666])
def test_a_key_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    """Any access for group or others, even one that reads nothing, is refused."""
    path = tmp_path / "audit.key"
    SigningKey.parse(SKEY).save(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="accessible to others"):
        SigningKey.load(path)
    path.chmod(0o400)
    assert SigningKey.load(path).name == "PeterNeumann"


@pytest.mark.parametrize("content", [b"", b"\xff", VKEY.encode(), SKEY.encode()[:-2], SKEY.encode() * 2])
def test_a_file_that_holds_no_key(tmp_path: Path, content: bytes) -> None:
    """A torn or foreign file is refused, and the error shows nothing of it."""
    path = tmp_path / "audit.key"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(KeyFileError, match="not a signing key file") as caught:
        SigningKey.load(path)
    assert caught.value.__cause__ is None


def test_no_file_and_no_regular_file(tmp_path: Path) -> None:
    """What is not there, and a pipe that would block, are errors that name the path."""
    with pytest.raises(KeyFileError, match="No such file"):
        SigningKey.load(tmp_path / "none")
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(KeyFileError, match="regular"):
        SigningKey.load(tmp_path / "pipe")
    with pytest.raises(KeyFileError, match="No such file"):
        SigningKey.generate("a").save(tmp_path / "none" / "key")
