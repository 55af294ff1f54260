"""The service under measurement: its settings, its system with the exchange's own call limit lifted, its opening statement."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from reconcile_actors import ReconciliationSystem
from reconcile_actors.config import Settings, load
from reconcile_actors.domain.report import ReconciliationReport
from reconcile_actors.exchanges.kraken import KrakenGateway
from reconcile_actors.exchanges.kraken.limits import Tier
from reconcile_actors.exchanges.port import ExchangeGateway
from reconcile_actors.exchanges.registry import open_gateway
from reconcile_actors.messages import Message, ReconcileNow
from reconcile_actors.messages.wire import message_of

# What a Kraken of the highest tier lets one watch, without the end of its patience: a run makes more passes than it allows.
UNLIMITED = Tier("pro", 1e9, 1.0)
Open = Callable[[], Awaitable[ExchangeGateway]]


def make_settings(
    directory: Path, base_url: str, keys: Mapping[str, Sequence[str]], lines: str = "", *, more: str = ""
) -> Settings:
    """The settings of some accounts; `lines` go into `[reconciliation]`, `more` to the end."""
    parts = ["[reconciliation]", lines]
    for name, (key, secret) in keys.items():
        for kind, text in (("key", key), ("secret", secret)):
            file = directory / f"{name}.{kind}"
            file.touch(mode=0o600)
            file.write_text(text)
        parts += [
            f"[exchanges.{name}]",
            'id = "kraken"',
            f"base_url = {json.dumps(base_url)}",
            f'api_key_file = "{name}.key"',
            f'secret_file = "{name}.secret"',
        ]
    parts += ["[store]", 'path = "reconcile.db"', "[audit]", 'origin = "localhost/bench"', 'key_file = "audit.key"']
    parts += ['trusted_head_file = "trusted-head"', more]
    file = directory / "config.toml"
    file.write_text("\n".join(parts))
    return load(file, environ={})


def unlimited_gateways(settings: Settings) -> dict[str, Open]:
    """The configured accounts' gateways, as the service makes them, with the call limit lifted."""

    def maker(name: str) -> Open:
        async def make() -> ExchangeGateway:
            gateway = await open_gateway(name, settings.exchanges[name], settings.reconciliation)
            assert isinstance(gateway, KrakenGateway)
            gateway._limit.tier = UNLIMITED
            return gateway

        return make

    return {name: maker(name) for name in settings.exchanges}


def statement(account: str, version: int, balances: Mapping[str, str]) -> Message:
    """SetBalances of a whole wallet as of now."""
    rows = [{"currency": code, "total": total, "available": total, "locked": "0"} for code, total in balances.items()]
    as_of = datetime.now(UTC).isoformat(timespec="microseconds")
    message = message_of(
        {"type": "SetBalances", "exchange": account, "version": version, "as_of": as_of, "balances": rows}
    )
    assert isinstance(message, Message)
    return message


async def full_pass(system: ReconciliationSystem, account: str) -> ReconciliationReport:
    """One pass, which must match: an unknown would be quick and worth nothing."""
    report = await system.ask(ReconcileNow(exchange=account), timeout=60)
    assert isinstance(report, ReconciliationReport)
    if report.status.value != "matched":
        raise RuntimeError(f"the pass of {account} is {report.status}: {report.unknown_reason}")
    return report
