"""The order of the tests: those that start programs first, dealt out over the workers, so that none is left alone with long ones."""

import os

import pytest

LONG = ("tests/functional/", "tests/docs/test_quickstart.py", "tests/docs/test_embedding_page.py", "tests/unit/bench/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each worker of `--dist worksteal` begins with an equal part of the list: each part begins with its share of the long tests."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [one for one in items if one.nodeid.startswith(LONG)]
    short = [one for one in items if not one.nodeid.startswith(LONG)]
    items.clear()
    for number in range(workers):
        items += long[number::workers]
        items += short[len(short) * number // workers : len(short) * (number + 1) // workers]
