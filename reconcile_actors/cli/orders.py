"""What a person orders, given to the daemon or, where none runs, to a system that is opened for it."""

from typing import Final, TypeAlias

import click

from reconcile_actors.cli import output
from reconcile_actors.cli.client import Document, find_daemon
from reconcile_actors.cli.opening import open_system, start_logging
from reconcile_actors.cli.options import known_accounts
from reconcile_actors.cli.running import run_async
from reconcile_actors.config import Settings
from reconcile_actors.console.peer import this_user
from reconcile_actors.console.views import schema
from reconcile_actors.errors import StoreError, UsageError
from reconcile_actors.messages import (
    ApproveResolution,
    IgnoreDiscrepancy,
    OverrideResolution,
    PauseExchange,
    Recorded,
    RejectResolution,
    ReleaseHalt,
    ResumeExchange,
)
from reconcile_actors.messages.wire import MessageError, message_of, to_json

Order: TypeAlias = (
    PauseExchange
    | ResumeExchange
    | ReleaseHalt
    | ApproveResolution
    | RejectResolution
    | OverrideResolution
    | IgnoreDiscrepancy
)

ASK_SECONDS: Final = 10.0
# What the store or the way to it could not do; every other refusal answers the order itself.
_OF_THE_STORE: Final = ("store", "entry_invalid", "overloaded", "unanswered")


def _said(_context: click.Context, _option: click.Parameter, text: str) -> str:
    if not text.strip():
        raise click.BadParameter("say why: it stands in the audit log")
    return text


reason_option = click.option(
    "--reason", required=True, callback=_said, metavar="TEXT", help="Why; it stands in the audit log."
)
as_option = click.option(
    "--as", "claimed_by", metavar="NAME", help="A name to record as claimed, beside the Unix user."
)


def account_of(settings: Settings, id_: str) -> str:
    """The account that an id is of: its part before the first colon. Raises UsageError where there is no such account."""
    name = id_.partition(":")[0]
    known_accounts(settings, [name])
    return name


def order_of(kind: str, **fields: str | None) -> Order:
    """An order from what a person wrote. Raises UsageError for what cannot be one: an id with a space, too long a reason."""
    try:
        message = message_of({"type": kind, **{name: value for name, value in fields.items() if value is not None}})
    except MessageError as error:
        raise UsageError(str(error)) from None
    assert isinstance(message, Order)
    return message


def give(settings: Settings, order: Order) -> Document:
    """Gives an order, and returns its answer (`status`, `reason`). Without a daemon no exchange is contacted for it."""
    known_accounts(settings, [order.exchange])
    start_logging()
    daemon = find_daemon(settings.socket_path)
    return daemon.tell(wire_form(order)) if daemon else run_async(lambda: _give_alone(settings, order))


def wire_form(order: Order) -> Document:
    """An order as JSON: who sends is for the socket to say, so the field is not even accepted there."""
    return {key: value for key, value in to_json(order).items() if key != "actor"}


async def _give_alone(settings: Settings, order: Order) -> Document:
    async with open_system(settings, standalone=True, contact_exchanges=False) as system:
        reply = await system.ask(order.model_copy(update={"actor": this_user()}), timeout=ASK_SECONDS)
    assert isinstance(reply, Recorded)
    return {"status": reply.status, "reason": reply.reason}


def show_answer(id_: str, answer: Document, done: str, *, as_json: bool) -> None:
    """Prints what became of an order; `done` says it for a person. Raises UsageError or StoreError where it was refused."""
    if as_json:
        document = {"schema": schema("order"), "id": id_, "status": answer["status"], "reason": answer["reason"]}
        output.print_json(document)
    refuse(id_, answer)
    if not as_json:
        output.note(f"{id_}: {done}" if answer["status"] == "recorded" else f"{id_}: {done} already")


def refuse(id_: str, answer: Document) -> None:
    """Raises what a refusal means: StoreError where it was not for the order's own sake, else UsageError."""
    if answer["status"] != "refused":
        return
    text = f"{id_}: refused: {answer['reason']}"
    raise StoreError(text) if str(answer["reason"]).startswith(_OF_THE_STORE) else UsageError(text)
