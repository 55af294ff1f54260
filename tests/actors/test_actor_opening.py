"""What a person hears of an account that cannot be opened."""

from __future__ import annotations

from actor_exchange import failure
from actor_rig import Rig
from loguru import logger

from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.errors import ConfigError
from reconcile_actors.exchanges.port import FailureClass


def test_what_must_be_mended_is_said_in_full() -> None:
    """What only the opening can tell (a credential that this exchange asks for) is logged; what passes is tried again without."""
    said: list[str] = []
    sink = logger.add(lambda line: said.append(str(line)), level="ERROR", format="{message} {extra}")
    logger.enable("reconcile_actors")
    rig = Rig("a", "b")
    rig.exchanges["a"].opening_script.append(ConfigError("exchanges.a: no password; set password_env"))
    rig.exchanges["b"].opening_script.append(failure(FailureClass.TRANSIENT))
    try:
        rig.start()
        rig.host.advance(1)
    finally:
        logger.remove(sink)
        logger.disable("reconcile_actors")
    (line,) = [one for one in said if "cannot be opened" in one]
    assert "exchanges.a: no password; set password_env" in line
    assert rig.account("a").reason is UnknownReason.CONFIGURATION
