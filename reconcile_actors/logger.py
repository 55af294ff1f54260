"""The package's logger: silent until its host asks for it with `logger.enable("reconcile_actors")`, before or after the import.

Here and not in the package itself, because importing loguru takes longer than all of `reconcile-actors --help`.
"""

from typing import Final

from loguru import logger

__all__ = ["logger"]

_PACKAGE: Final = "reconcile_actors."

# What the host said before this import stands. loguru has no public question for it; a test pins the private name.
if not any(_PACKAGE.startswith(name) for name, _ in logger._core.activation_list if name):  # type: ignore[attr-defined] # noqa: SLF001
    logger.disable("reconcile_actors")
