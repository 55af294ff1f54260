"""What the tests of a worker share is ended with them."""

from collections.abc import Iterator

import pytest

from tests.functional.born_programs import close_nursery


@pytest.fixture(scope="session", autouse=True)
def _nursery() -> Iterator[None]:
    yield
    close_nursery()
