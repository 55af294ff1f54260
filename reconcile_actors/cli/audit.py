"""`audit verify|show`: whether the log is whole and unaltered, and what stands in it."""

from pathlib import Path

import click

from reconcile_actors.audit.verdict import VerifyResult
from reconcile_actors.cli import output
from reconcile_actors.cli.entries import show_entries
from reconcile_actors.cli.options import config_option, exchange_option, json_option, known_accounts, settings_of
from reconcile_actors.cli.running import run_async
from reconcile_actors.cli.verification import Trust, trust_from, verify
from reconcile_actors.console.views import schema
from reconcile_actors.errors import UsageError

_path = click.Path(path_type=Path, dir_okay=False)


@click.group()
def audit() -> None:
    """The tamper-evident log: verify it, show its entries."""


@audit.command("verify")
@click.option("--db", type=_path, help="The store; default: that of --config.")
@click.option("-c", "--config", type=_path, help="Names store, trusted head and key, where no option does.")
@click.option("--trusted-head", type=_path, help="A signed checkpoint that was kept elsewhere.")
@click.option("--vkey", metavar="KEY|FILE", help="The log's verifier key, or a file that holds it.")
@json_option
def verify_(*, db: Path | None, config: Path | None, trusted_head: Path | None, vkey: str | None, as_json: bool) -> int:
    """Read every entry, hash, checkpoint and signature of the log and judge them. Nothing is written.

    \b
    Exit codes of this command: 0 verified against the trusted head; 1 tampered; 2 usage; 3 truncated or rolled back;
    4 signature or key; 5 split view; 6 consistent in itself, but no trusted head (or only the log's own key) was given;
    7 unreadable.
    """
    if db is None and config is None:
        raise UsageError("name the log: --db FILE or -c CONFIG")
    settings = settings_of(config) if config else None
    trust = trust_from(settings, db=db, trusted_head=trusted_head, vkey=vkey)
    result = verify(trust)
    if as_json:
        output.print_json(_document(trust, result))
    else:
        _print(trust, result)
    return result.exit_code


@audit.command()
@config_option
@click.option("--kind", help="Entries of this kind only, as in book.fill.")
@exchange_option
@click.option("--since", metavar="TIME", help="Entries from this time on (ISO 8601, UTC unless it says otherwise).")
@click.option("--limit", type=click.IntRange(min=0), default=50, show_default=True, help="The newest N; 0 is all.")
@json_option
def show(
    *,
    config: Path,
    kind: str | None,
    exchange: str | None,
    since: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Entries in the order of the log; with --json one object a line, with its payload."""
    settings = settings_of(config)
    known_accounts(settings, [exchange] if exchange else [])
    run_async(
        lambda: show_entries(
            settings.store.path, kind=kind, exchange=exchange, since=since, limit=limit, as_json=as_json
        )
    )


def _document(trust: Trust, result: VerifyResult) -> dict[str, object]:
    return {
        "schema": schema("audit-verify"),
        "verdict": result.verdict.name.lower(),
        "reason": result.reason,
        "size": result.size,
        "first_bad_seq": result.first_bad_seq,
        "unanchored_tail": result.unanchored_tail,
        "sound_size": result.sound_size,
        "payloads_present": result.payloads_present,
        "payloads_erased": result.payloads_erased,
        "trusted_head": trust.head_name,
        "key": trust.key_name,
    }


def _print(trust: Trust, result: VerifyResult) -> None:
    rows = [(name, value) for name, value in _document(trust, result).items() if name != "schema"]
    output.print_table(("audit log", str(trust.database)), rows, empty="")
