"""Private keys in PEM, as an exchange hands them out for signing tokens."""


def is_p256_key(text: str) -> bool:
    """Whether the text is an EC private key on P-256 without a passphrase: what ES256 signs with."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - only where an account has such a key
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey  # noqa: PLC0415 - the same
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - the same

    try:
        key = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)


def unfolded(text: str) -> str:
    r"""The key with its line breaks: files of JSON and environment variables often hold them as `\n`."""
    return text.replace("\\n", "\n").replace("\r\n", "\n").strip()
