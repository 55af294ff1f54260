"""Errors of the audit log. Their texts name fields and types, never a value: an entry may hold an amount (I7)."""


class AuditError(Exception):
    """Base of every error of this room."""


class CanonicalError(AuditError):
    """A value lies outside the restricted JSON domain, or bytes are not its canonical form."""


class LeafError(AuditError):
    """An entry's fields or a leaf's bytes break the leaf format."""


class LeafTooLarge(LeafError):  # noqa: N818 - named for what is wrong, as the refused entry's author reads it
    """A leaf would exceed 65,535 bytes; move the bulk into the payload, which the leaf only commits to."""


class NoteError(AuditError):
    """A signed note or a checkpoint is malformed."""


class SignatureError(NoteError):
    """A note is well formed, but no given key signed it, or a given key's signature is wrong."""


class KeyFormatError(AuditError):
    """A signing or verifier key cannot be parsed; the text never shows the key."""


class KeyFileError(AuditError):
    """A signing key file is missing, exists already, or is accessible to others than its owner."""


class LogStateError(AuditError):
    """The stored log does not add up to the state that a writer needs, or a batch does not fit the state."""
