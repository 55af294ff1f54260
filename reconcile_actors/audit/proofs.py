"""Inclusion and consistency proofs: made as RFC 6962 defines them, checked with the algorithms of RFC 9162.

Making and checking share no code but the node hash, so an error in one does not hide in the other.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from reconcile_actors.audit.merkle import EMPTY_ROOT, HASH_BYTES, node_hash

NodeReader: TypeAlias = Callable[[int, int], bytes]
"""Returns the hash of the complete node (level, index); level 0 is a leaf's hash."""

_NOTHING: Final = bytes(HASH_BYTES)


def inclusion_proof(read: NodeReader, index: int, size: int) -> list[bytes]:
    """Audit path of leaf `index` in the tree of the first `size` leaves, leaf side first (RFC 6962, 2.1.1).

    Reads O(log^2 size) nodes at most. Raises `ValueError` unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise ValueError("the leaf is not in the tree")
    return _path(read, index, 0, size)


def consistency_proof(read: NodeReader, old: int, new: int) -> list[bytes]:
    """Proof that the tree of the first `new` leaves extends the one of the first `old` (RFC 6962, 2.1.2).

    Empty where `old` is 0 or equals `new`. Raises `ValueError` unless 0 <= old <= new.
    """
    if not 0 <= old <= new:
        raise ValueError("the older tree is not the smaller one")
    return [] if old in (0, new) else _subproof(read, old, 0, new, whole=True)


def required_nodes(prove: Callable[[NodeReader], object]) -> list[tuple[int, int]]:
    """The nodes that a proof will read, for callers that have to fetch them first.

    `required_nodes(lambda read: inclusion_proof(read, 5, 9))`: which nodes are read never depends on their values.
    """
    wanted: dict[tuple[int, int], None] = {}

    def note_down(level: int, index: int) -> bytes:
        wanted[level, index] = None
        return _NOTHING

    prove(note_down)
    return list(wanted)


def verify_inclusion(*, index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows the leaf at `index` of the tree with `size` leaves and `root` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes(leaf_hash, root, *proof):
        return False
    position, last, computed = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            computed = node_hash(sibling, computed)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            computed = node_hash(computed, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and computed == root


def verify_consistency(*, old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the tree (`new`, `new_root`) extends (`old`, `old_root`) (RFC 9162, 2.1.4.2).

    Both roots are recomputed from the one proof; a proof that fits only one of them is refused. From the empty tree, and
    between equal sizes, only the empty proof is right.
    """
    if not 0 <= old <= new or not _are_hashes(old_root, new_root, *proof):
        return False
    if old == new:
        return not proof and old_root == new_root and (old > 0 or old_root == EMPTY_ROOT)
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    if not proof:
        return False
    path = [old_root, *proof] if old & (old - 1) == 0 else proof
    position, last = old - 1, new - 1
    while position & 1:
        position >>= 1
        last >>= 1
    return _fold_both(path, position, last) == (old_root, new_root)


def _fold_both(path: Sequence[bytes], position: int, last: int) -> tuple[bytes, bytes] | None:
    """Steps 4 to 7 of RFC 9162, 2.1.4.2: the (older, newer) root that `path` amounts to, None where it has no place."""
    older = newer = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if position & 1 or position == last:
            older, newer = node_hash(sibling, older), node_hash(sibling, newer)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            newer = node_hash(newer, sibling)
        position >>= 1
        last >>= 1
    return (older, newer) if last == 0 else None


def _path(read: NodeReader, index: int, start: int, end: int) -> list[bytes]:
    """PATH(index, D[start:end]) of RFC 6962."""
    if end - start == 1:
        return []
    middle = start + _split(end - start)
    if index < middle:
        return [*_path(read, index, start, middle), _range_hash(read, middle, end)]
    return [*_path(read, index, middle, end), _range_hash(read, start, middle)]


def _subproof(read: NodeReader, old: int, start: int, end: int, *, whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962; `old` counts leaves from the tree's start, `whole` says that the verifier knows this hash."""
    if old == end:
        return [] if whole else [_range_hash(read, start, end)]
    middle = start + _split(end - start)
    if old <= middle:
        return [*_subproof(read, old, start, middle, whole=whole), _range_hash(read, middle, end)]
    return [*_subproof(read, old, middle, end, whole=False), _range_hash(read, start, middle)]


def _range_hash(read: NodeReader, start: int, end: int) -> bytes:
    """Hash of leaves [start, end): one stored node where the range is complete, else folded from several."""
    count = end - start
    if count & (count - 1) == 0:  # the recursion only ever asks for ranges that start at a multiple of their size
        level = count.bit_length() - 1
        return read(level, start >> level)
    middle = start + _split(count)
    return node_hash(_range_hash(read, start, middle), _range_hash(read, middle, end))


def _split(count: int) -> int:
    """The largest power of two below `count` (count > 1)."""
    return 1 << ((count - 1).bit_length() - 1)


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
