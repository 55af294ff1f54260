"""The Merkle tree of RFC 6962, grown one leaf at a time.

A node of level L and index I covers leaves [I * 2^L, (I + 1) * 2^L); level 0 is a leaf's hash. Only complete nodes are
ever named or stored, because they never change again.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from reconcile_actors.audit.errors import LogStateError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""Root of the tree without leaves (RFC 6962, 2.1)."""


class Node(NamedTuple):
    """A complete node: it covers leaves [idx << level, (idx + 1) << level)."""

    level: int
    idx: int
    hash: bytes


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right) (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def peak_positions(size: int) -> list[tuple[int, int]]:
    """(level, index) of the largest complete nodes that cover a tree of `size` leaves, left to right.

    There is one for each bit set in `size`: what a writer has to read to go on, O(log size).
    """
    positions: list[tuple[int, int]] = []
    start = 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            positions.append((level, start >> level))
            start += 1 << level
    return positions


class Frontier:
    """The right edge of the tree: all that is needed to append and to compute the root. Not thread safe."""

    __slots__ = ("_peaks", "_size")

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """`peaks` are the hashes at `peak_positions(size)`; raises `LogStateError` where number or length is wrong."""
        if size < 0 or len(peaks) != size.bit_count() or any(len(peak) != HASH_BYTES for peak in peaks):
            raise LogStateError("a frontier needs one hash for each bit set in its size")
        self._size = size
        self._peaks = list(peaks)

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._size

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """Hashes at `peak_positions(size)`."""
        return tuple(self._peaks)

    def append(self, leaf_hash: bytes) -> list[Node]:
        """Add a leaf by its hash; returns the nodes of level 1 and above that it completes, lowest first."""
        index, level, current = self._size, 0, leaf_hash
        completed: list[Node] = []
        while index & 1:  # an odd index is a right child, so its left sibling stands on the stack
            current = node_hash(self._peaks.pop(), current)
            index >>= 1
            level += 1
            completed.append(Node(level, index, current))
        self._peaks.append(current)
        self._size += 1
        return completed

    def root(self) -> bytes:
        """The Merkle tree hash of all leaves so far (32 bytes)."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root

    def to_bytes(self) -> bytes:
        """Size as 8 bytes big-endian, then the peaks."""
        return self._size.to_bytes(8, "big") + b"".join(self._peaks)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Frontier":
        """The inverse of `to_bytes`; raises `LogStateError` for anything else."""
        size, hashes = int.from_bytes(data[:8], "big"), data[8:]
        if len(data) != 8 + HASH_BYTES * size.bit_count():
            raise LogStateError("these bytes are no frontier")
        return cls(size, [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)])
