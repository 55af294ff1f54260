"""JSON is decoded without a float and without losing a repeated key."""

import pytest

from reconcile_actors.exchanges.decoding import REPEATED_KEYS, decode


def test_numbers_never_become_floats() -> None:
    """Fractions and exponents keep their text, whole numbers are exact."""
    assert decode("[0.1, 1e400, 123456789012345678901234567890, -0.0]") == [
        "0.1",
        "1e400",
        123456789012345678901234567890,
        "-0.0",
    ]


def test_words_that_are_no_json_keep_their_text() -> None:
    """NaN and Infinity, which Python's decoder would take as floats, are left to the gate as text."""
    assert decode("[NaN, Infinity, -Infinity]") == ["NaN", "Infinity", "-Infinity"]


def test_a_repeated_key_is_no_object() -> None:
    """An object that names a key twice is replaced whole, so that half of it is not believed."""
    assert decode('{"a": {"b": 1, "b": 2}}') == {"a": REPEATED_KEYS}
    assert decode('{"a": 1, "b": 1}') == {"a": 1, "b": 1}


@pytest.mark.parametrize("text", ["", "<html>", '{"a": ', "[1,]", "9" * 5000])
def test_no_json_raises(text: str) -> None:
    """What is no JSON, or a number without end, raises ValueError."""
    with pytest.raises(ValueError, match=r"."):
        decode(text)
