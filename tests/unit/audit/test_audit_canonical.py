"""The restricted canonical form: what it writes, and all that it refuses."""

from decimal import Decimal
from enum import IntEnum

import pytest

from reconcile_actors.audit.canonical import MAX_DEPTH, canonical_bytes, parse_canonical
from reconcile_actors.audit.errors import CanonicalError


class _Colour(IntEnum):
    RED = 1


def _nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


def test_known_bytes() -> None:
    """Keys sorted, no space, RFC 8785's escapes, text as UTF-8."""
    value = {"b": [1, -2, True, False, None, ()], "a": '\u20ac$\u000f\nA\'B"\\\\"/\u007f\U0001f600', "": {}}
    expected = '{"":{},"a":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/\u007f\U0001f600","b":[1,-2,true,false,null,[]]}'
    assert canonical_bytes(value) == expected.encode()


def test_the_edges_of_the_integers() -> None:
    """2^53 - 1 either way is in, and one further is out."""
    edge = 2**53 - 1
    assert canonical_bytes([edge, -edge]) == b"[9007199254740991,-9007199254740991]"
    for beyond in (edge + 1, -edge - 1, 2**70):
        with pytest.raises(CanonicalError, match=r"2\^53 or more at \$\[0\]"):
            canonical_bytes([beyond])


@pytest.mark.parametrize(
    "value", [1.0, float("nan"), Decimal("1.5"), b"x", {1}, _Colour.RED, object(), {"a": [{"b": 2.5}]}]
)
def test_types_outside_the_domain_are_refused(value: object) -> None:
    """Anything but the six JSON kinds is refused, an integer in disguise and a Decimal included."""
    with pytest.raises(CanonicalError, match="outside the domain"):
        canonical_bytes(value)  # type: ignore[arg-type]  # the refusal of wrong types is what is tested


@pytest.mark.parametrize("key", ["é", 1, None, "\ud800"])
def test_keys_are_ascii_strings(key: object) -> None:
    """Only keys that sort alike everywhere are let in."""
    with pytest.raises(CanonicalError, match=r"not an ASCII string in \$\.a"):
        canonical_bytes({"a": {key: 1}})  # type: ignore[dict-item]  # as above


@pytest.mark.parametrize("text", ["\ud800", "a\udfff", "\udc00\ud800"])
def test_lone_surrogates_are_refused(text: str) -> None:
    """A string that has no UTF-8 form has no canonical form."""
    with pytest.raises(CanonicalError, match="not valid Unicode"):
        canonical_bytes({"a": text})


def test_the_depth_is_bounded() -> None:
    """Nesting beyond the limit is refused, not a crash (I12)."""
    assert canonical_bytes(_nested(MAX_DEPTH - 1))
    for depth in (MAX_DEPTH, 100_000):
        with pytest.raises(CanonicalError, match="deeper"):
            canonical_bytes(_nested(depth))


def test_an_error_names_the_place_and_no_value() -> None:
    """The text leads to the field and shows no amount (I7)."""
    with pytest.raises(CanonicalError) as caught:
        canonical_bytes({"body": {"legs": ["1", 123456.5]}})
    assert str(caught.value) == "float at $.body.legs[1] is outside the domain"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"a":1.0}',
        b'{"a":1e2}',
        b"-0",
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'"\\u0041"',
        b'"\\/"',
        b'"\\u000A"',
        b"NaN",
        b'"\xff"',
        b"9007199254740992",
        b"[1]\n",
        b"\xef\xbb\xbf[]",
    ],
)
def test_other_spellings_are_refused(data: bytes) -> None:
    """Of all spellings of one value exactly one is accepted, and no cause that quotes the document is attached."""
    with pytest.raises(CanonicalError) as caught:
        parse_canonical(data)
    assert caught.value.__cause__ is None
