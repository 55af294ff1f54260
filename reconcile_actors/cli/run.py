"""`run`: the daemon."""

from pathlib import Path

import click

from reconcile_actors.cli import output
from reconcile_actors.cli.opening import open_system, start_logging
from reconcile_actors.cli.options import arm_option, config_option, note_arming, set_option, settings_of
from reconcile_actors.cli.running import run_async
from reconcile_actors.config import Settings
from reconcile_actors.console.server import ConsoleServer
from reconcile_actors.logger import logger


@click.command()
@config_option
@set_option
@arm_option
def run(*, config: Path, overrides: tuple[str, ...], arm: bool) -> None:
    """Watch every account until a signal ends it (exit code 130 or 143, within 10 s)."""
    settings = settings_of(config, overrides)
    start_logging("info")
    note_arming(settings, arm=arm)
    run_async(lambda: _serve(settings, arm=arm))


async def _serve(settings: Settings, *, arm: bool) -> None:
    async with open_system(settings, arm=arm) as system, ConsoleServer(system) as console:
        logger.bind(accounts=len(settings.exchanges), mode=settings.reconciliation.mode, armed=arm).info("running")
        output.progress(f"running; `reconcile-actors status -c ...` asks it, at {console.path}")
        await console.wait()
    raise RuntimeError  # the server never ends by itself: what ends here is a defect, and says so by its exit code
