"""The canonical form against a slow implementation written from RFC 8785 alone."""

import json

from hypothesis import given
from hypothesis import strategies as st

from reconcile_actors.audit.canonical import canonical_bytes, parse_canonical
from reconcile_actors.audit.errors import CanonicalError

_EDGE = 2**53 - 1
_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_SCALARS = st.none() | st.booleans() | st.integers(-_EDGE, _EDGE) | _TEXT
_KEYS = st.text(st.characters(max_codepoint=127))
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(_KEYS, inner), max_leaves=30)
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def _reference(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + "".join(_SHORT.get(c, f"\\u{ord(c):04x}" if c < " " else c) for c in value) + '"'
    if isinstance(value, list):
        return "[" + ",".join(_reference(item) for item in value) + "]"
    assert isinstance(value, dict)
    pairs = sorted(value.items(), key=lambda pair: pair[0].encode("utf-16-be"))
    return "{" + ",".join(_reference(key) + ":" + _reference(item) for key, item in pairs) + "}"


@given(_VALUES)
def test_equals_the_reference_and_comes_back(value: object) -> None:
    """Fast and slow agree on every value of the domain, and parsing gives the value back."""
    data = canonical_bytes(value)  # type: ignore[arg-type]  # the strategy makes domain values only
    assert data == _reference(value).encode()
    assert parse_canonical(data) == value == json.loads(data)


@given(_TEXT, st.characters(categories=["Cs"]), _TEXT)
def test_every_lone_surrogate_is_refused(before: str, surrogate: str, after: str) -> None:
    """Wherever it stands, a lone surrogate has no canonical form, as text or as a key."""
    for value in ([before + surrogate + after], {before + surrogate + after: 1}):
        try:
            canonical_bytes(value)
        except CanonicalError:
            continue
        raise AssertionError("a lone surrogate passed")


@given(_VALUES, st.data())
def test_no_second_spelling_is_accepted(value: object, data: st.DataObject) -> None:
    """White space added anywhere that JSON allows it is refused."""
    canonical = canonical_bytes([value])  # type: ignore[list-item]  # as above
    place = data.draw(st.sampled_from([0, 1, len(canonical) - 1, len(canonical)]))
    try:
        parse_canonical(canonical[:place] + b" " + canonical[place:])
    except CanonicalError:
        return
    raise AssertionError("a second spelling passed")
