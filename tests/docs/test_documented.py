"""Every command, option, exit code, setting and message is documented, and every example in those pages is right."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import get_args

import click
import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from reconcile_actors.audit.verdict import Verdict
from reconcile_actors.cli.exit_codes import ExitCode
from reconcile_actors.cli.main import cli
from reconcile_actors.config import AlertSinkConfig, Settings, load_text
from reconcile_actors.config.load import ENVIRONMENT
from reconcile_actors.console.app import Api
from reconcile_actors.console.stream import EVENT_TYPES
from reconcile_actors.messages import __all__ as message_names
from reconcile_actors.messages import base, commands, records
from reconcile_actors.messages.wire import parse_message

DOCS = Path(__file__).parents[2] / "docs"
CLI, CONFIGURATION, MESSAGES = (
    (DOCS / name).read_text(encoding="utf-8") for name in ("cli.md", "configuration.md", "messages.md")
)
TOLD = {
    name: one
    for module in (records, commands)
    for name, one in vars(module).items()
    if isinstance(one, type) and issubclass(one, base.Message) and one.__module__ == module.__name__ and name[0] != "_"
}


def sections(text: str, level: int) -> dict[str, str]:
    """The text under each heading of a level, by the code that the heading quotes."""
    parts = re.split(rf"^{'#' * level} (.*)$", text, flags=re.MULTILINE)
    return {title.strip("`"): body for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def leaves(group: click.Group, *path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its whole name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from leaves(command, *path, name)
        elif command is not None:
            yield " ".join((*path, name)), command


def options(command: click.Command) -> list[str]:
    """Its long options."""
    return [
        name
        for one in command.params
        if isinstance(one, click.Option)
        for name in one.opts
        if name.startswith("--") and name != "--help"
    ]


COMMANDS = dict(leaves(cli, "reconcile-actors"))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented_with_its_options(name: str) -> None:
    """A section for each command that names each of its options."""
    body = sections(CLI, 3)[name]
    assert [one for one in options(COMMANDS[name]) if f"`{one}`" not in body] == []


def test_no_command_is_documented_that_does_not_exist() -> None:
    """And the global options stand before the commands."""
    assert set(sections(CLI, 3)) == set(COMMANDS)
    assert [one for one in options(cli) if f"`{one}`" not in CLI] == []


def test_exit_codes_are_the_codes() -> None:
    """Both tables hold exactly the numbers of the code."""
    tables = [
        re.findall(r"^\| (\d+) \| (.*?)[:|]", part, flags=re.MULTILINE) for part in CLI.split("audit verify`\n", 1)
    ]
    assert [int(code) for code, _ in tables[0]] == sorted(ExitCode)
    verdicts = {one.value: one.name.lower().replace("_", " ") for one in Verdict} | {2: "usage"}
    assert {int(code): text.strip() for code, text in tables[1]} == verdicts


def test_every_schema_is_documented() -> None:
    """Every `schema` that a command prints is named on its page."""
    package = Path(__file__).parents[2] / "reconcile_actors"
    pattern = re.compile(r"(?:(?:schema|_reports)\(\"|reconcile-actors/)([a-z-]+)(?:\"[,)]|/1)")
    files = [*(package / "cli").glob("*.py"), *(package / "console").glob("*.py")]
    used = {name for file in files for name in pattern.findall(file.read_text())}
    assert used > {"once", "status", "demo"}
    assert {one for one in used if f"reconcile-actors/{one}/1" not in CLI} <= {"reports"}  # HTTP only


def default_of(field: FieldInfo) -> str:
    """A field's default as the tables show it."""
    value = field.default
    if value is None:
        return "none"
    if value is PydanticUndefined:
        return "required" if field.default_factory is None else "`{}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple) and isinstance(value[0], BaseModel):
        return "the log"
    if isinstance(value, tuple):
        return '`["' + '", "'.join(value) + '"]`'
    return f'`"{value}"`' if isinstance(value, str | Path | Decimal) else f"`{value:g}`"


@pytest.mark.parametrize("table", [*Settings.model_fields, "[alerts.sinks]"])
def test_every_setting_is_documented(table: str) -> None:
    """Each key with its default and the description that the model has; no key that does not exist."""
    if table == "[alerts.sinks]":
        model: object = AlertSinkConfig
    else:
        annotation = Settings.model_fields[table].annotation
        model = get_args(annotation)[1] if table == "exchanges" else annotation
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    body = sections(CONFIGURATION, 2)["[exchanges.NAME]" if table == "exchanges" else f"[{table}]"]
    rows = re.findall(r"^\| `.*$", body, flags=re.MULTILINE)
    assert rows == [
        f"| `{name}` | {default_of(field)} | {field.description} |" for name, field in model.model_fields.items()
    ]


def test_the_environment_and_the_example_are_right() -> None:
    """The five variables, and a minimal file that loads."""
    for variable, key in ENVIRONMENT.items():
        assert f"| `{variable}` | `reconciliation.{key}` |" in CONFIGURATION
    (example,) = re.findall(r"```toml\n(.*?)```", CONFIGURATION, flags=re.DOTALL)
    assert load_text(example, environ={}).exchanges


@pytest.mark.parametrize("name", TOLD)
def test_every_message_is_documented(name: str) -> None:
    """A section with every field, and an example that is read as that very message."""
    body = sections(MESSAGES, 3)[name]
    assert [field for field in TOLD[name].model_fields if f"`{field}`" not in body] == []
    (example,) = re.findall(r"```json\n(.*?)```", body, flags=re.DOTALL)
    assert parse_message(example).type == name


def test_no_message_is_documented_that_does_not_exist() -> None:
    """Sections for what may be told; answers, events and parts by name."""
    assert set(sections(MESSAGES, 3)) == set(TOLD)
    for name in message_names:
        if name not in {"Event", "Message", "ExchangeMessage", "Record", "StatedBalance", "StatedPosition"}:
            assert f"`{name}`" in MESSAGES
    for part in (records.StatedBalance, records.StatedPosition):
        assert [field for field in part.model_fields if f"`{field}`" not in MESSAGES] == []


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_event_is_documented(name: str) -> None:
    """A row with the fields that are its own."""
    (row,) = re.findall(rf"^\| `{name}` \| (.*?) \|", MESSAGES, flags=re.MULTILINE)
    own = [field for field in EVENT_TYPES[name].model_fields if field not in base.Event.model_fields]
    assert row == ", ".join(f"`{field}`" for field in own)


def test_every_path_is_documented() -> None:
    """The HTTP table holds exactly the paths that are served."""
    source = Path(str(Api.application.__code__.co_filename)).read_text()
    served = {path.replace("{id:path}", "{id}") for path in re.findall(r'Route\("([^"]+)"', source)}
    assert set(re.findall(r"^\| `(?:GET|POST) ([^`]+)` \|", MESSAGES, flags=re.MULTILINE)) == served


@pytest.mark.parametrize("page", ["cli.md", "configuration.md", "messages.md"])
def test_links_lead_somewhere(page: str) -> None:
    """Every relative link is a file of the repository, and its anchor a heading there."""
    for target in re.findall(r"\]\(([^)]+)\)", (DOCS / page).read_text()):
        path, _, anchor = target.partition("#")
        file = DOCS / path if path else DOCS / page
        assert file.is_file(), target
        headings = re.findall(r"^#+ (.*)$", file.read_text(), flags=re.MULTILINE)
        assert not anchor or anchor in {re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in headings}
