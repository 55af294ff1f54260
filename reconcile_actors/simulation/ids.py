"""Identifiers in the exchange's form, drawn from a seeded generator so that a run can be repeated."""

from random import Random

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class IdMint:
    """Mints ids such as `LTFK7F-N2CUX-PNY4SX`; the first letter says what it names (L ledger row, T trade, O order)."""

    def __init__(self, random: Random) -> None:
        """`random` is the mint's own: nobody else may draw from it, or ids would depend on call order elsewhere."""
        self._random = random

    def short(self, first: str) -> str:
        """An id of 6-5-6 characters: orders, trades, ledger rows."""
        return f"{first}{self._group(5)}-{self._group(5)}-{self._group(6)}"

    def long(self, first: str) -> str:
        """An id of 7-6-6 characters: deposits, withdrawals, transfers."""
        return f"{first}{self._group(6)}-{self._group(6)}-{self._group(6)}"

    def hash(self) -> str:
        """A transaction hash: 64 hexadecimal digits."""
        return f"{self._random.getrandbits(256):064x}"

    def bytes(self, length: int) -> bytes:
        """Key material of a made-up customer."""
        return self._random.randbytes(length)

    def _group(self, length: int) -> str:
        return "".join(self._random.choices(_LETTERS, k=length))
