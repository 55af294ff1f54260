"""Tree and proofs against the recursive definitions of RFC 6962, and against every forgery of a proof."""

import hashlib
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from reconcile_actors.audit.merkle import Frontier, node_hash, peak_positions
from reconcile_actors.audit.proofs import (
    consistency_proof,
    inclusion_proof,
    required_nodes,
    verify_consistency,
    verify_inclusion,
)

_LARGEST = 70


def _leaf(number: int) -> bytes:
    return hashlib.sha256(b"\x00%d" % number).digest()


def _naive(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = max(2**e for e in range(8) if 2**e < len(leaves))
    return hashlib.sha256(b"\x01" + _naive(leaves[:split]) + _naive(leaves[split:])).digest()


LEAVES = [_leaf(number) for number in range(_LARGEST)]
ROOTS = [_naive(LEAVES[:size]) for size in range(_LARGEST + 1)]


def _stored() -> dict[tuple[int, int], bytes]:
    frontier = Frontier()
    nodes = {(0, index): leaf for index, leaf in enumerate(LEAVES)}
    for leaf in LEAVES:
        nodes.update({(node.level, node.idx): node.hash for node in frontier.append(leaf)})
    return nodes


NODES = _stored()


def _read(level: int, index: int) -> bytes:
    return NODES[level, index]


def _forgeries(proof: list[bytes]) -> Iterator[list[bytes]]:
    """Every proof that differs from a true one by one step."""
    for place, value in enumerate(proof):
        yield proof[:place] + proof[place + 1 :]
        yield [*proof[:place], value, *proof[place:]]
        yield [*proof[:place], value[:-1] + bytes([value[-1] ^ 1]), *proof[place + 1 :]]
        yield [*proof[:place], bytes(32), *proof[place + 1 :]]
        yield [*proof[:place], value[:-1], *proof[place + 1 :]]
        for other in range(place + 1, len(proof)):
            swapped = proof.copy()
            swapped[place], swapped[other] = swapped[other], swapped[place]
            yield swapped
    for extra in (bytes(32), LEAVES[0], ROOTS[1]):
        yield [*proof, extra]
        yield [extra, *proof]


@st.composite
def _sizes(draw: st.DrawFn) -> tuple[int, int]:
    new = draw(st.integers(0, _LARGEST))
    return draw(st.integers(0, new)), new


def test_every_root_and_every_stored_node() -> None:
    """The frontier gives the naive root at every size, and the stored nodes are the naive subtrees."""
    frontier = Frontier()
    assert frontier.root() == ROOTS[0]
    for index, leaf in enumerate(LEAVES):
        frontier.append(leaf)
        assert frontier.root() == ROOTS[index + 1]
        assert list(frontier.peaks) == [NODES[position] for position in peak_positions(index + 1)]
    for (level, index), digest in NODES.items():
        assert digest == _naive(LEAVES[index << level : (index + 1) << level])


def test_every_inclusion_proof() -> None:
    """All leaves of all sizes are proven, from the nodes that were announced."""
    for size in range(1, _LARGEST + 1):
        for index in range(size):
            proof = inclusion_proof(_read, index, size)
            assert verify_inclusion(index=index, size=size, leaf_hash=LEAVES[index], proof=proof, root=ROOTS[size])
            wanted = set(required_nodes(lambda read, i=index, n=size: inclusion_proof(read, i, n)))  # type: ignore[misc]  # defaults bind the loop's values
            assert all(((i + 1) << level) <= size for level, i in wanted)


def test_every_consistency_proof() -> None:
    """All pairs of sizes are consistent, each by its proof."""
    for new in range(_LARGEST + 1):
        for old in range(new + 1):
            proof = consistency_proof(_read, old, new)
            assert verify_consistency(old=old, new=new, old_root=ROOTS[old], new_root=ROOTS[new], proof=proof)


@given(_sizes())
def test_no_forged_consistency_proof_passes(sizes: tuple[int, int]) -> None:
    """Whatever step is dropped, doubled, altered, swapped or added, and whichever root or size is exchanged, it fails."""
    old, new = sizes
    proof = consistency_proof(_read, old, new)
    for forged in _forgeries(proof):
        if forged != proof:
            assert not verify_consistency(old=old, new=new, old_root=ROOTS[old], new_root=ROOTS[new], proof=forged)
    for root in (bytes(32), b"", ROOTS[old - 1] if old else ROOTS[1]):
        assert not verify_consistency(old=old, new=new, old_root=root, new_root=ROOTS[new], proof=proof)
        if old > 0 and root != ROOTS[new]:  # every tree extends the empty one
            assert not verify_consistency(old=old, new=new, old_root=ROOTS[old], new_root=root, proof=proof)
    assert not verify_consistency(old=new + 1, new=new, old_root=ROOTS[old], new_root=ROOTS[new], proof=proof)
    assert not verify_consistency(old=-1, new=new, old_root=ROOTS[old], new_root=ROOTS[new], proof=proof)


@given(st.integers(1, _LARGEST), st.data())
def test_no_forged_inclusion_proof_passes(size: int, data: st.DataObject) -> None:
    """A proof holds for its leaf, place and root only."""
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(_read, index, size)
    for forged in _forgeries(proof):
        if forged != proof:
            assert not verify_inclusion(index=index, size=size, leaf_hash=LEAVES[index], proof=forged, root=ROOTS[size])
    for other in {index - 1, index + 1, size, -1} - {index}:
        assert not verify_inclusion(index=other, size=size, leaf_hash=LEAVES[index], proof=proof, root=ROOTS[size])
    wrong = LEAVES[(index + 1) % _LARGEST]
    assert not verify_inclusion(index=index, size=size, leaf_hash=wrong, proof=proof, root=ROOTS[size])
    assert not verify_inclusion(index=index, size=size, leaf_hash=LEAVES[index], proof=proof, root=bytes(32))


def test_a_proof_belongs_to_trees_of_its_depth() -> None:
    """Claiming a deeper or shallower tree for a proof of the first leaf fails, even with the root that the proof reaches."""
    for size in range(1, _LARGEST + 1):
        proof = inclusion_proof(_read, 0, size)
        for claimed in range(1, _LARGEST + 1):
            reached = verify_inclusion(index=0, size=claimed, leaf_hash=LEAVES[0], proof=proof, root=ROOTS[size])
            assert reached == ((claimed - 1).bit_length() == (size - 1).bit_length())


@given(_sizes(), st.integers(0, _LARGEST - 1))
def test_a_rewritten_tree_is_never_consistent(sizes: tuple[int, int], altered: int) -> None:
    """An honest old head and a tree with one old leaf rewritten have no proof: neither the honest nor the forger's own."""
    old, new = sizes
    if not altered < old:
        return
    leaves = [*LEAVES[:altered], bytes(32), *LEAVES[altered + 1 : new]]
    forged_root = _naive(leaves)

    def read(level: int, index: int) -> bytes:
        return _naive(leaves[index << level : (index + 1) << level])

    for proof in (consistency_proof(_read, old, new), consistency_proof(read, old, new), []):
        assert not verify_consistency(old=old, new=new, old_root=ROOTS[old], new_root=forged_root, proof=proof)


@given(st.integers(1, _LARGEST - 1), st.integers(1, 6), st.binary(min_size=32, max_size=32))
def test_a_linear_fake_is_refused(old: int, steps: int, tip: bytes) -> None:
    """A new root made by merely hashing things onto the old one is no tree, at whatever sizes it is claimed.

    This is the forgery that passed a real ledger's proof: a chain of hashes from the old head to the new, with no leaf
    behind it.
    """
    chain = [hashlib.sha256(tip + b"%d" % step).digest() for step in range(steps)]
    left = right = ROOTS[old]
    for link in chain:
        left, right = node_hash(link, left), node_hash(right, link)
    for new in range(old, _LARGEST + 1):
        for root in (left, right):
            for proof in (chain, [ROOTS[old], *chain]):
                accepted = verify_consistency(old=old, new=new, old_root=ROOTS[old], new_root=root, proof=proof)
                assert not accepted or _is_honest_growth(old, new, root, chain, proof)


def _is_honest_growth(old: int, new: int, root: bytes, chain: list[bytes], proof: list[bytes]) -> bool:
    """A complete old tree may truly grow by whole subtrees hung on its right: then old root and proof fix the new root."""
    if old & (old - 1) or proof != chain:
        return False
    expected = ROOTS[old]
    for link in chain:
        expected = node_hash(expected, link)
    return root == expected and len(consistency_proof(lambda _level, _index: bytes(32), old, new)) == len(chain)
