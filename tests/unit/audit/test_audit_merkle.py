"""The tree against the published RFC 6962 test vectors, and the frontier's own form."""

import pytest

from reconcile_actors.audit.errors import LogStateError
from reconcile_actors.audit.leaf import leaf_hash
from reconcile_actors.audit.merkle import EMPTY_ROOT, Frontier, peak_positions
from reconcile_actors.audit.proofs import consistency_proof, inclusion_proof, required_nodes

# Leaves and roots of the reference tests of Certificate Transparency.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_the_published_roots() -> None:
    """Every size of the reference tree has its published root."""
    frontier = Frontier()
    roots = [frontier.root().hex()]
    for leaf in LEAVES:
        frontier.append(leaf_hash(bytes.fromhex(leaf)))
        roots.append(frontier.root().hex())
    assert roots == ROOTS
    assert EMPTY_ROOT.hex() == ROOTS[0]


def test_appending_names_each_complete_node_once() -> None:
    """The nodes that leaves complete are those of level 1 and above, each when its last leaf arrives."""
    frontier = Frontier()
    seen = [[(node.level, node.idx) for node in frontier.append(bytes(32))] for _ in range(8)]
    assert seen == [[], [(1, 0)], [], [(1, 1), (2, 0)], [], [(1, 2)], [], [(1, 3), (2, 1), (3, 0)]]


def test_a_frontier_survives_serialisation() -> None:
    """From bytes, and from the hashes at its peaks, it goes on as if nothing had happened."""
    frontier = Frontier()
    for number in range(21):
        again = Frontier.from_bytes(frontier.to_bytes())
        rebuilt = Frontier(frontier.size, frontier.peaks)
        hashed = leaf_hash(b"%d" % number)
        assert frontier.append(hashed) == again.append(hashed) == rebuilt.append(hashed)
        assert frontier.root() == again.root() == rebuilt.root()


@pytest.mark.parametrize("data", [b"", b"\0" * 7, b"\0" * 9, b"\0" * 7 + b"\1", b"\0" * 7 + b"\1" + b"x" * 31])
def test_other_bytes_are_no_frontier(data: bytes) -> None:
    """Bytes of the wrong length for their size are refused."""
    with pytest.raises(LogStateError):
        Frontier.from_bytes(data)


@pytest.mark.parametrize(("size", "peaks"), [(-1, [b"x" * 32]), (1, []), (2, [b"x" * 32] * 2), (1, [b"x" * 31])])
def test_peaks_must_fit_the_size(size: int, peaks: list[bytes]) -> None:
    """One hash of 32 bytes for each bit set in the size, no more and no less."""
    with pytest.raises(LogStateError):
        Frontier(size, peaks)


def test_peak_positions() -> None:
    """11 leaves are covered by one node each of levels 3, 1 and 0."""
    assert peak_positions(11) == [(3, 0), (1, 4), (0, 10)]
    assert peak_positions(0) == []


def test_required_nodes_names_what_a_proof_reads() -> None:
    """A caller that cannot answer at once learns which nodes to fetch first."""
    wanted = required_nodes(lambda read: inclusion_proof(read, 2, 7))
    assert wanted == [(0, 3), (1, 0), (1, 2), (0, 6)]


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_no_inclusion_proof_outside_the_tree(index: int, size: int) -> None:
    """There is no proof for a leaf that is not there."""
    with pytest.raises(ValueError, match="not in the tree"):
        inclusion_proof(lambda _level, _index: bytes(32), index, size)


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3)])
def test_no_consistency_proof_backwards(old: int, new: int) -> None:
    """A smaller tree cannot extend a larger one."""
    with pytest.raises(ValueError, match="older tree"):
        consistency_proof(lambda _level, _index: bytes(32), old, new)
