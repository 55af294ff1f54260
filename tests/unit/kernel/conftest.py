"""Both hosts, so that one test holds both to the same semantics."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kernel_fakes import running_pykka_host
from loguru import logger

from reconcile_actors.kernel.deterministic_host import DeterministicHost
from reconcile_actors.kernel.host import Host
from reconcile_actors.kernel.probe import Probe
from reconcile_actors.kernel.pykka_host import PykkaHost


@pytest.fixture
def threads() -> Iterator[PykkaHost]:
    with running_pykka_host() as host:
        yield host


@pytest.fixture
def turns() -> Iterator[DeterministicHost]:
    host = DeterministicHost(seed=7)
    yield host
    host.stop()


@pytest.fixture(params=["turns", "threads"])
def host(request: pytest.FixtureRequest) -> Host:
    return request.getfixturevalue(request.param)


@pytest.fixture
def probe(host: Host) -> Probe:
    return Probe(host, dilation=3)


@pytest.fixture
def log() -> Iterator[list[str]]:
    """Everything that is logged, with all that a sink could see of it; the package is silent until it is enabled."""
    logger.enable("reconcile_actors")
    lines: list[str] = []
    sink = logger.add(
        lambda message: lines.append(f"{message.record['message']} {message.record['extra']} {message}"), level="TRACE"
    )
    yield lines
    logger.remove(sink)
    logger.disable("reconcile_actors")
