"""Ed25519 keys as C2SP signed-note v1.0.0 writes them.

A verifier key (vkey) is public, one line: `<name>+<key id as 8 hex digits>+<base64(0x01 || 32-byte public key)>`. A signing
key file is one line too: `PRIVATE+KEY+<name>+<key id>+<base64(0x01 || 32-byte seed)>` and a newline, the form that the
ecosystem's own tools read. The key id is SHA-256(name || 0x0A || 0x01 || public key)[:4].
"""

import base64
import binascii
import hashlib
import os
import secrets
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from reconcile_actors.audit.errors import KeyFileError, KeyFormatError

ED25519_TYPE: Final = b"\x01"
KEY_BYTES: Final = 32
_PRIVATE_PREFIX: Final = "PRIVATE+KEY+"
_MAX_FILE_BYTES: Final = 4096


def is_key_name(name: str) -> bool:
    """Whether a name may stand in a key, a signature line and (as origin) a checkpoint: no space, no plus, no controls."""
    return bool(name) and name.isprintable() and "+" not in name and not any(char.isspace() for char in name)


def strict_base64(text: str) -> bytes:
    """Decode standard base64 in its one canonical spelling; raises `ValueError` for any other.

    The spare bits of a last digit are checked too: else one signature would have several spellings, and an edit of a
    stored note could pass unseen.
    """
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode("ascii") != text:
        raise ValueError("not canonical base64")
    return data


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key and the name it signs under; safe to show."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """4 bytes that tell keys of one name apart; no proof of anything."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519_TYPE + self.public_key).digest()[:4]

    @property
    def vkey(self) -> str:
        """The one-line text form."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(ED25519_TYPE + self.public_key).decode('ascii')}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Parse a vkey (surrounding white space is ignored); raises `KeyFormatError`."""
        name, key_id, public_key = _parse_parts(text.strip(), "verifier key")
        key = cls(name, public_key)
        if key.key_id.hex() != key_id:
            raise KeyFormatError("verifier key: the key id does not belong to name and key")
        return key

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` (64 bytes) is this key's over `message` (RFC 8032)."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """The log's private key. Its text forms never show the seed (I7); only `save` writes it anywhere."""

    __slots__ = ("_private", "_seed", "verifier")

    def __init__(self, name: str, seed: bytes) -> None:
        """`seed` is the 32-byte private key of RFC 8032; raises `KeyFormatError` for a bad name or length."""
        if not is_key_name(name) or len(seed) != KEY_BYTES:
            raise KeyFormatError("signing key: the name or the length of the seed is wrong")
        self._seed = seed
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = VerifierKey(name, self._private.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"SigningKey({self.verifier.vkey!r})"

    @property
    def name(self) -> str:
        """The name that signature lines carry; for a log its origin."""
        return self.verifier.name

    @classmethod
    def generate(cls, name: str) -> "SigningKey":
        """A new key from the system's randomness."""
        return cls(name, secrets.token_bytes(KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """Parse the private one-line form (surrounding white space is ignored); raises `KeyFormatError`."""
        line = text.strip()
        if not line.startswith(_PRIVATE_PREFIX):
            raise KeyFormatError("signing key: not a private key line")
        name, key_id, seed = _parse_parts(line.removeprefix(_PRIVATE_PREFIX), "signing key")
        key = cls(name, seed)
        if key.verifier.key_id.hex() != key_id:
            raise KeyFormatError("signing key: the key id does not belong to name and key")
        return key

    @classmethod
    def load(cls, path: Path) -> "SigningKey":
        """Read a key file. Raises `KeyFileError` where others than the owner have any access, or it cannot be read."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise KeyFileError(f"{path}: {error.strerror}") from None
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())  # of the open file: what is checked is what is read
            if not stat.S_ISREG(status.st_mode):
                raise KeyFileError(f"{path}: not a regular file")
            if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise KeyFileError(f"{path}: accessible to others; its mode must be 0600 or 0400")
            data = file.read(_MAX_FILE_BYTES)
        try:
            return cls.parse(data.decode())
        except (UnicodeDecodeError, KeyFormatError):
            raise KeyFileError(f"{path}: not a signing key file") from None

    def save(self, path: Path) -> None:
        """Write a new key file of mode 0600, whole or not at all, and on disk when this returns.

        Raises `KeyFileError` where the file exists: a key is never overwritten.
        """
        seed = base64.b64encode(ED25519_TYPE + self._seed).decode("ascii")
        line = f"{_PRIVATE_PREFIX}{self.name}+{self.verifier.key_id.hex()}+{seed}\n"
        try:
            _write_new(path, line.encode())
        except OSError as error:
            raise KeyFileError(f"{path}: {error.strerror}") from None

    def sign(self, message: bytes) -> bytes:
        """The Ed25519 signature (64 bytes, deterministic) over `message`."""
        return self._private.sign(message)


def _write_new(path: Path, data: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=".new-key-", dir=path.parent)  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # fails where the name is taken, unlike a rename
    finally:
        os.unlink(temporary)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)  # else a power loss may take the new name back
    finally:
        os.close(directory)


def _parse_parts(text: str, what: str) -> tuple[str, str, bytes]:
    """(name, key id as hex, 32 key bytes) of `name+id+base64(0x01 || key)`."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        data = strict_base64(encoded)
    except (binascii.Error, ValueError):
        raise KeyFormatError(f"{what}: the key part is not base64") from None
    if not is_key_name(name) or data[:1] != ED25519_TYPE or len(data) != 1 + KEY_BYTES:
        raise KeyFormatError(f"{what}: not a named Ed25519 key")
    return name, key_id, data[1:]
