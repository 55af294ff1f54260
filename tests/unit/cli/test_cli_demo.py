"""What the demo takes for seen, and what for a false alarm."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from reconcile_actors.cli import demo as demo_module
from reconcile_actors.cli.play.script import Misdeed, Script
from reconcile_actors.cli.play.sightings import ALL, Sight, Sightings
from reconcile_actors.cli.play.stage import Outcome
from reconcile_actors.cli.play.witness import Tally, Witness
from reconcile_actors.domain.adjustment import Action, Adjustment, AdjustmentLine
from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy
from reconcile_actors.domain.halt import TradingHalt
from reconcile_actors.messages import (
    ActorRestarted,
    ApprovalRequested,
    DiscrepancyConfirmed,
    DiscrepancyResolved,
    ExchangeRecovered,
    PortfolioAdjusted,
    TradingHaltRequested,
)
from reconcile_actors.messages.wire import to_datetime
from tests.unit.cli.cli_fakes import Cli
from tests.unit.console.console_fakes import AT, discrepancy

NOW = to_datetime(AT)
LOST = discrepancy(detected_at=AT + 1, confirmed_at=AT + 4_200_000, evidence=("T1",))


def witness() -> Witness:
    """One that knows of a forgotten fill T1 in the account of the sample discrepancy."""
    script = Script(fill=Misdeed(LOST.exchange, frozenset({LOST.currency}), AT, "T1"))
    return Witness(script, Sightings(lambda: 1.0, lambda _line: None), {LOST.exchange: Tally()})


def posted(movement_id: str | None) -> PortfolioAdjusted:
    """An adjustment of one line."""
    line = AdjustmentLine(movement_id, "fill", LOST.wallet, LOST.currency, Field.TOTAL, Decimal(1))
    return PortfolioAdjusted(
        adjustment=Adjustment("a1", LOST.exchange, Action.BACKFILL, (LOST.id,), (line,), "explained"), at=NOW
    )


def test_a_missed_fill_is_seen_step_by_step() -> None:
    """Found, explained by its id, backfilled under its id, and proven only after that."""
    one = witness()
    one.take(DiscrepancyConfirmed(discrepancy=LOST, at=NOW))
    assert set(one.sightings.seen) == {Sight.FILL_FOUND, Sight.FILL_EXPLAINED}
    assert one.tallies[LOST.exchange].latency_us == 4_200_000
    one.take(posted("T1"))
    one.take(DiscrepancyResolved(discrepancy=LOST, at=NOW))
    assert one.sightings.has(Sight.FILL_BACKFILLED, Sight.FILL_PROVEN)


def test_what_was_not_done_is_not_seen() -> None:
    """A discrepancy that goes by itself is not proven, another's movement is no backfill, and no fault means no breaker."""
    one = witness()
    one.take(DiscrepancyConfirmed(discrepancy=LOST, at=NOW))
    one.take(posted("T2"))
    one.take(DiscrepancyResolved(discrepancy=LOST, at=NOW))
    one.take(ApprovalRequested(discrepancy=LOST, reason="too_large", at=NOW))
    one.take(TradingHaltRequested(halt=TradingHalt("h1", LOST.exchange, "large_loss", (LOST.id,), AT), at=NOW))
    one.take(ExchangeRecovered(exchange=LOST.exchange, at=NOW))
    assert set(one.sightings.seen) == {Sight.FILL_FOUND, Sight.FILL_EXPLAINED}


def test_a_theft_is_held_and_halts() -> None:
    """Both belong to the account that was stolen from."""
    one = witness()
    one.script.theft = Misdeed(LOST.exchange, frozenset({LOST.currency}), AT)
    one.take(ApprovalRequested(discrepancy=LOST, reason="too_large", at=NOW))
    one.take(TradingHaltRequested(halt=TradingHalt("h1", LOST.exchange, "large_loss", (LOST.id,), AT), at=NOW))
    one.take(ActorRestarted(actor=f"reconciliation:{LOST.exchange}", epoch=2, reason="ZeroDivisionError", at=NOW))
    assert one.sightings.has(Sight.THEFT_HELD, Sight.HALT, Sight.CRASHED)


@pytest.mark.parametrize(
    "stranger",
    [discrepancy(detected_at=AT - 2_000_000), discrepancy(currency="ETH", detected_at=AT + 1)],
    ids=["too_early", "another_currency"],
)
def test_what_nothing_explains_is_a_false_alarm(stranger: BalanceDiscrepancy) -> None:
    """Confirmed before anything happened, or in a currency that nobody touched."""
    one = witness()
    one.take(DiscrepancyConfirmed(discrepancy=stranger, at=NOW))
    assert one.false_alarms == [stranger]


def complete() -> Outcome:
    """All seen."""
    sightings = Sightings(lambda: 1.0, lambda _line: None, dict.fromkeys(ALL, 1.0))
    return Outcome(sightings, {"a": Tally()}, [])


def _lacks_one(outcome: Outcome) -> None:
    del outcome.sightings.seen[Sight.FILL_PROVEN]


def _is_false(outcome: Outcome) -> None:
    outcome.false_alarms.append(LOST)


def _refused(outcome: Outcome) -> None:
    outcome.refused = 1


@pytest.mark.parametrize("spoil", [_lacks_one, _is_false, _refused])
def test_only_the_whole_is_as_wished(spoil: Callable[[Outcome], None]) -> None:
    """One sight that lacks, one false alarm or one refused report, and the demo has failed."""
    outcome = complete()
    assert outcome.as_wished
    spoil(outcome)
    assert not outcome.as_wished


def test_a_demo_that_shows_nothing_ends_with_1(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo judges itself: what it promises and does not show is a failure, in both forms of output."""

    async def nothing(directory: Path, *_: object, **__: object) -> Outcome:
        (directory / "config.toml").write_text('[exchanges.demo]\nid = "kraken"\n')
        return Outcome(Sightings(lambda: 1.0, lambda _line: None), {}, [])

    monkeypatch.setattr(demo_module, "play", nothing)
    monkeypatch.setattr(demo_module, "trust_from", lambda *_, **__: None)

    class Verified:
        class verdict:  # noqa: N801 - stands for an enum's member
            name = "VERIFIED"

        size, exit_code, unanchored_tail = 1, 0, 0

    monkeypatch.setattr(demo_module, "verify", lambda _trust: Verified())
    ended = cli("demo", "--json")
    assert ended.code == 1
    assert not any(one["seen"] for one in ended.json["observations"].values())
    assert "not seen: missed_fill_proven" in cli("demo", "--ci").out
