"""What the demo calls found and what a false alarm."""

from decimal import Decimal
from pathlib import Path

import pytest

from reconcile_actors.cli import demo as demo_module
from reconcile_actors.cli.scene import Outcome
from reconcile_actors.messages.wire import iso
from tests.unit.cli.cli_fakes import Cli
from tests.unit.console.console_fakes import AT, discrepancy

OMITTED = {"id": "T1", "symbol": "BTC/USD", "fee_currency": "USD", "occurred_at": iso(AT)}


def test_the_forgotten_fill_explains_what_it_moved() -> None:
    """Discrepancies in its currencies, after it happened, are the finding; the latency is to the first of them."""
    found = [
        discrepancy(detected_at=AT + 1, confirmed_at=AT + 4_200_000),
        discrepancy(currency="USD", detected_at=AT + 1, confirmed_at=AT + 5_000_000, difference=Decimal(1)),
    ]
    outcome = Outcome(omitted=OMITTED, confirmed=found)
    assert outcome.as_wished
    assert outcome.latency_seconds == pytest.approx(4.2)


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(),
        Outcome(omitted=OMITTED),
        Outcome(confirmed=[discrepancy()]),
        Outcome(omitted=OMITTED, confirmed=[discrepancy(detected_at=AT - 1)]),
        Outcome(omitted=OMITTED, confirmed=[discrepancy(), discrepancy(currency="ETH")]),
        Outcome(omitted=OMITTED, confirmed=[discrepancy()], refused=1),
    ],
)
def test_everything_else_is_not_as_wished(outcome: Outcome) -> None:
    """Nothing found, found too early, another currency, a report that was refused: each makes the exit code 1."""
    assert not outcome.as_wished


def test_a_demo_that_finds_nothing_ends_with_1(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The demo judges itself: what it promises and does not show is a failure, in both forms of output."""

    async def nothing(directory: Path, *_: object) -> Outcome:
        (directory / "config.toml").write_text('[exchanges.demo]\nid = "kraken"\n')
        return Outcome()

    monkeypatch.setattr(demo_module, "play", nothing)
    monkeypatch.setattr(demo_module, "trust_from", lambda *_, **__: None)

    class Verified:
        class verdict:  # noqa: N801 - stands for an enum's member
            name = "VERIFIED"

        size, exit_code, unanchored_tail = 1, 0, 0

    monkeypatch.setattr(demo_module, "verify", lambda _trust: Verified())
    ended = cli("demo", "--json")
    assert ended.code == 1
    assert (ended.json["found"], ended.json["latency_seconds"]) == (False, None)
    assert "not found" in cli("demo", "--ci").out
