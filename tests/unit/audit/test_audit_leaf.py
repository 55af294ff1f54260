"""The leaf format: exact bytes, strict parsing, limits, commitments."""

import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest

from reconcile_actors.audit.canonical import canonical_bytes
from reconcile_actors.audit.errors import CanonicalError, LeafError, LeafTooLarge
from reconcile_actors.audit.leaf import (
    MAX_LEAF_BYTES,
    ZERO_HASH,
    Leaf,
    build_leaf,
    commit_payload,
    format_instant,
    leaf_hash,
    parse_instant,
    parse_leaf,
)

AT = datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=UTC)


def _leaf(**changes: object) -> Leaf:
    fields: dict[str, object] = {"seq": 7, "prev": ZERO_HASH, "at": AT, "kind": "a.b", "body": {"x": "1.50"}}
    return build_leaf(**(fields | changes))  # type: ignore[arg-type]  # wrong types are among the tests


def test_the_exact_bytes() -> None:
    """The stored bytes are the documented ones, and the hash is RFC 6962's over them."""
    leaf = _leaf(account="kraken-main", correlation="c", commit=b"\xab" * 32)
    expected = (
        b'{"account":"kraken-main","at":"2026-01-31T12:00:00.000005Z","body":{"x":"1.50"},"commit":"'
        + b"ab" * 32
        + b'",'
        b'"correlation":"c","kind":"a.b","prev":"' + b"0" * 64 + b'","seq":7,"v":1}'
    )
    assert leaf.data == expected
    assert leaf.hash == leaf_hash(expected) == hashlib.sha256(b"\x00" + expected).digest()


def test_parsing_gives_back_what_was_built() -> None:
    """Every field survives the way to bytes and back."""
    commit = commit_payload(b"s" * 32, b"payload")
    record = parse_leaf(_leaf(account="a", correlation=None, commit=commit).data)
    assert (record.seq, record.prev, record.at, record.kind) == (7, ZERO_HASH, AT, "a.b")
    assert (record.account, record.correlation, record.body, record.commit) == ("a", None, {"x": "1.50"}, commit)


def test_no_text_form_shows_the_contents() -> None:
    """Neither a leaf nor its parsed record shows an amount when printed (I7)."""
    leaf = _leaf()
    assert "1.50" not in repr(leaf) + repr(parse_leaf(leaf.data))


@pytest.mark.parametrize(
    "changes",
    [
        {"seq": -1},
        {"seq": 2**53},
        {"seq": True},
        {"prev": b"short"},
        {"commit": b"short"},
        {"kind": ""},
        {"kind": "1x"},
        {"kind": "a b"},
        {"kind": "x" * 129},
        {"body": []},
        {"account": 5},
        {"correlation": {}},
        {"at": AT.replace(tzinfo=None)},
    ],
)
def test_bad_fields_are_refused(changes: dict[str, object]) -> None:
    """A leaf that could not be parsed again is never built."""
    with pytest.raises(LeafError):
        _leaf(**changes)


def test_a_body_outside_the_domain_is_refused() -> None:
    """The body is restricted JSON like the rest."""
    with pytest.raises(CanonicalError):
        _leaf(body={"x": 1.5})


def test_the_size_limit_is_exact() -> None:
    """65,535 bytes pass and one more does not, when building and when parsing."""
    room = MAX_LEAF_BYTES - len(_leaf(body={"x": ""}).data)
    largest = _leaf(body={"x": "y" * room})
    assert len(largest.data) == MAX_LEAF_BYTES
    assert parse_leaf(largest.data).seq == 7
    with pytest.raises(LeafTooLarge, match="65536"):
        _leaf(body={"x": "y" * (room + 1)})
    with pytest.raises(LeafTooLarge):
        parse_leaf(largest.data + b" ")


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": True},
        {"seq": -1},
        {"seq": True},
        {"seq": "7"},
        {"prev": "0" * 63},
        {"prev": "A" * 64},
        {"prev": None},
        {"commit": "zz"},
        {"commit": 0},
        {"kind": "a b"},
        {"kind": None},
        {"body": []},
        {"at": 5},
        {"at": "2026-01-31T12:00:00Z"},
        {"account": 5},
        {"correlation": []},
        {"extra": None},
    ],
)
def test_parsing_is_strict(change: dict[str, object]) -> None:
    """Canonical JSON that is no leaf is refused field by field."""
    valid = {
        "v": 1, "seq": 7, "prev": "0" * 64, "at": format_instant(AT), "kind": "a", "account": None,
        "correlation": None, "body": {}, "commit": None,
    }  # fmt: skip
    assert parse_leaf(canonical_bytes(valid)).kind == "a"
    with pytest.raises(LeafError):
        parse_leaf(canonical_bytes(valid | change))  # type: ignore[operator]  # as above


@pytest.mark.parametrize("data", [b"[]", b"{}", b"null", b"x", b'{"v": 1}'])
def test_what_is_no_object_of_leaf_fields_is_refused(data: bytes) -> None:
    """Neither other JSON nor no JSON at all passes as a leaf."""
    with pytest.raises(LeafError):
        parse_leaf(data)


def test_instants_have_one_spelling() -> None:
    """Times are converted to UTC and written with six digits; another spelling is refused."""
    assert format_instant(datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))) == "2025-12-31T23:00:00.000000Z"
    assert parse_instant("0001-01-01T00:00:00.000000Z").year == 1
    for text in (
        "2026-01-31T12:00:00.000005+00:00",
        "2026-01-31 12:00:00.000005Z",
        "2026-02-30T12:00:00.000005Z",
        "2026-01-31T24:00:00.000000Z",
        "2026-01-31T12:00:00.000005z",
        "٢026-01-31T12:00:00.000005Z",
    ):
        with pytest.raises(LeafError):
            parse_instant(text)


def test_a_commitment_is_salted() -> None:
    """SHA-256(salt || payload) with a salt of exactly 32 bytes."""
    assert commit_payload(b"s" * 32, b"p") == hashlib.sha256(b"s" * 32 + b"p").digest()
    with pytest.raises(LeafError):
        commit_payload(b"s" * 31, b"sp")
