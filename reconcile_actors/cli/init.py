"""`init`: a commented configuration to start from."""

import os
from pathlib import Path
from typing import Final

import click

from reconcile_actors.cli import output
from reconcile_actors.errors import UsageError

TEMPLATE: Final = Path(__file__).with_name("template.toml")


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=Path("reconcile.toml"))
def init(path: Path) -> None:
    """Write a commented configuration to PATH (default reconcile.toml). An existing file is never overwritten."""
    file = path / "reconcile.toml" if path.is_dir() else path
    try:
        # O_EXCL: no moment between looking and writing in which a file could be lost
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"{file} exists and is left as it is: name another path") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as target:
        target.write(TEMPLATE.read_bytes())
    output.note(f"wrote {file}; next: name your account in it, then `reconcile-actors config check -c {file}`")
