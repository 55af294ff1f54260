"""The names that users rely on are there, and importing the package costs next to nothing."""

import subprocess
import sys

import pytest

import reconcile_actors
import reconcile_actors.testing


@pytest.mark.parametrize("name", reconcile_actors.__all__)
def test_names_are_there(name: str) -> None:
    """Each public name leads to what bears it."""
    found = getattr(reconcile_actors, name)
    assert name == found.__name__.replace("Gateway", "Reconciler")


@pytest.mark.parametrize("name", reconcile_actors.testing.__all__)
def test_what_tests_of_a_bot_need_is_there(name: str) -> None:
    """Probes, the deterministic host and the simulated exchange have one public place."""
    assert getattr(reconcile_actors.testing, name).__name__ == name


def test_other_names_are_not() -> None:
    """A misspelt name is an AttributeError, as for any module."""
    with pytest.raises(AttributeError, match="no attribute 'Reconciler'"):
        reconcile_actors.Reconciler  # noqa: B018 - the access is the test


def test_importing_the_package_loads_none_of_the_heavy_ones() -> None:
    """A host that imports the package pays for nothing that it does not use."""
    program = "import reconcile_actors, sys; print(sorted({'ccxt', 'aiohttp', 'loguru', 'pykka', 'starlette'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


SPEAK = """
from loguru import logger
import reconcile_actors
{before}
import reconcile_actors.system
exec("logger.error('said')", {{"__name__": "reconcile_actors.somewhere", "logger": logger}})
"""


@pytest.mark.parametrize(("before", "heard"), [("", False), ("logger.enable('reconcile_actors')", True)])
def test_embedded_it_is_silent(before: str, heard: bool) -> None:
    """A library does not log until its host asks for it."""
    program = SPEAK.format(before=before)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ("said" in done.stderr) is heard
