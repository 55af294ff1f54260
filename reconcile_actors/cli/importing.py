"""`portfolio import --from-exchange`: what the exchange holds, stated as the opening of each wallet."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import click

from reconcile_actors.cli import offline, output
from reconcile_actors.cli.client import DaemonClient, find_daemon
from reconcile_actors.cli.exit_codes import ExitCode
from reconcile_actors.cli.opening import open_system
from reconcile_actors.cli.recording import Sender, daemon_sender, system_sender
from reconcile_actors.config import Settings
from reconcile_actors.console.views import Document
from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.snapshot import Snapshot
from reconcile_actors.errors import CredentialsError, ReconcileError, StoreError, UsageError
from reconcile_actors.exchanges.port import ExchangeFailureError, ExchangeGateway, FailureClass
from reconcile_actors.exchanges.registry import open_gateway
from reconcile_actors.messages import SetBalances, SetPositions, StatedBalance, StatedPosition
from reconcile_actors.messages.wire import to_datetime

_TRIES: Final = 3


class AccountUnknownError(ReconcileError):
    """The exchange gave nothing that could be stated: nothing was changed (I1). Try again, or mend what the reason names."""

    exit_code = ExitCode.UNKNOWN


@dataclass(frozen=True, slots=True)
class _Way:
    """How the book is reached: who records, and what the book holds."""

    send: Sender
    portfolio: Document


async def import_openings(settings: Settings, names: Sequence[str], *, replace: bool) -> None:
    """Read every account first, then state the openings; a failure before that states nothing.

    Raises UsageError where a wallet has an opening (unless `replace`), AccountUnknownError, CredentialsError.
    """
    if not settings.reconciliation.enabled:
        raise AccountUnknownError("reconciliation is disabled: no exchange is contacted (unknown: disabled)")
    daemon = find_daemon(settings.socket_path)
    if daemon:
        await _import(settings, names, await _through(daemon), replace=replace)
        return
    async with open_system(settings, standalone=True, contact_exchanges=False) as system:
        portfolio = await offline.portfolio_of(system, None)
        await _import(settings, names, _Way(system_sender(system), portfolio), replace=replace)


async def _through(daemon: DaemonClient) -> _Way:
    return _Way(daemon_sender(daemon), await asyncio.to_thread(daemon.get, "/api/v1/portfolio"))


async def _import(settings: Settings, names: Sequence[str], way: _Way, *, replace: bool) -> None:
    opened = {(one["exchange"], wallet) for one in way.portfolio["accounts"] for wallet in one["openings"]}
    for name in names:
        for wallet in settings.exchanges[name].wallets:
            if (name, wallet) in opened and not replace:
                raise UsageError(f"{name}: wallet {wallet} has an opening already; --replace states it anew")
    statements = [statement for name in names for statement in await _statements(settings, name)]
    answers = await way.send(statements)
    for statement, answer in zip(statements, answers, strict=True):
        if answer["status"] == "refused":
            raise StoreError(f"{statement.exchange}: the opening was refused: {answer['reason']}")
    rows = [(one.exchange, one.wallet, len(one.balances)) for one in statements if isinstance(one, SetBalances)]
    output.print_table(("account", "wallet", "currencies stated"), rows, empty="nothing was stated")
    click.echo(f"{len(rows)} opening(s) recorded", err=True)


async def _statements(settings: Settings, name: str) -> list[SetBalances | SetPositions]:
    output.progress(f"reading {name} ...")
    try:
        gateway = await open_gateway(name, settings.exchanges[name], settings.reconciliation)
        try:
            snapshot = await _quiet_snapshot(gateway, name, settings.reconciliation.timeout_seconds)
            has_positions = Field.POSITION in gateway.facts.authoritative
        finally:
            await gateway.close()
    except ExchangeFailureError as error:
        if error.failure is FailureClass.CREDENTIALS:
            raise CredentialsError(f"{name}: the exchange refused the credentials ({error.code})") from None
        raise AccountUnknownError(f"{name}: unknown: {error}") from None
    wallets = settings.exchanges[name].wallets
    balances = [_statement(snapshot, name, wallet) for wallet in wallets]
    return [*balances, *(_positions(snapshot, name, wallet) for wallet in wallets if has_positions)]


async def _quiet_snapshot(gateway: ExchangeGateway, name: str, timeout_seconds: float) -> Snapshot:
    """The first of two equal reads that lie more than the exchange's lag apart.

    Whatever moved before the first answer was there would show in the second, so the first holds exactly the movements
    up to its receipt.
    """
    first = await _read(gateway, name, timeout_seconds)
    for _ in range(_TRIES):
        await asyncio.sleep(gateway.facts.lag_seconds)
        second = await _read(gateway, name, timeout_seconds)
        if second.digest == first.digest:
            return first
        first = second
    raise AccountUnknownError(f"{name}: unknown: busy; its balances change between reads: let it rest, then try again")


async def _read(gateway: ExchangeGateway, name: str, timeout_seconds: float) -> Snapshot:
    snapshot = await gateway.read(timeout_seconds=timeout_seconds)
    if not isinstance(snapshot, Snapshot):
        raise AccountUnknownError(f"{name}: unknown: {snapshot.reason.value} {snapshot.detail}".rstrip())
    return snapshot


def _statement(snapshot: Snapshot, name: str, wallet: str) -> SetBalances:
    rows = []
    for (held_in, currency), balance in sorted(snapshot.balances.items()):
        if held_in != wallet:
            continue
        if balance.total is None:
            raise AccountUnknownError(f"{name}: unknown: the exchange states no total of {currency}")
        if balance.total or balance.locked or balance.borrowed:
            rows.append(
                StatedBalance(
                    currency=currency,
                    total=balance.total,
                    available=balance.available,
                    locked=balance.locked,
                    borrowed=balance.borrowed,
                )
            )
    at = to_datetime(snapshot.bracket.received_at)
    return SetBalances(exchange=name, wallet=wallet, version=None, balances=tuple(rows), as_of=at, includes_through=at)


def _positions(snapshot: Snapshot, name: str, wallet: str) -> SetPositions:
    rows = tuple(
        StatedPosition(symbol=symbol, quantity=position.quantity)
        for (held_in, symbol), position in sorted(snapshot.positions.items())
        if held_in == wallet
    )
    at = to_datetime(snapshot.bracket.received_at)
    return SetPositions(exchange=name, wallet=wallet, version=None, positions=rows, as_of=at, includes_through=at)
