"""The register and the tracker while something is repaired, held or ignored: no silent swallow, no false reopening."""

from __future__ import annotations

from decimal import Decimal

from domain_values import ACCOUNT, BTC, PRICES, USD, at, us

from reconcile_actors.domain.discrepancy import Severity, State
from reconcile_actors.domain.register import Change, Register
from reconcile_actors.domain.resolution import Note, cleared, notes_of


def register_with(difference: str = "-50") -> Register:
    """A confirmed difference of USD."""
    register = Register(ACCOUNT, Decimal(10), prices=PRICES)
    observe(register, difference)
    return register


def observe(register: Register, difference: str, *, confirmed: bool = True, shown: float | None = None) -> list[Change]:
    """A read shows it."""
    amount = Decimal(difference)
    return register.observe(
        USD,
        local=Decimal(1000),
        exchange_value=1000 + amount,
        difference=amount,
        tolerance=Decimal(0),
        now_at=at(5),
        confirmed=confirmed,
        missing=(),
        shown_us=None if shown is None else us(shown),
    )


def state(register: Register) -> State:
    """Of what is open on USD."""
    return register.open[USD].state


def test_a_repair_is_reopened_only_by_a_read_that_proves() -> None:
    """Not by a read that may not show it yet, by a guess, or by history alone."""
    register = register_with()
    register.mark(USD, State.REPAIRING)
    register.proves_us[register.open[USD].id] = us(20)
    observe(register, "-50", shown=19)
    observe(register, "-50", shown=21, confirmed=False)
    observe(register, "-50")
    assert state(register) is State.REPAIRING
    (change,) = observe(register, "-50", shown=20)
    assert change.after.state is State.REOPENED


def test_what_is_reopened_is_one_severity_higher() -> None:
    """Also when prices come again; the highest stays."""
    register = register_with()
    assert register.open[USD].severity is Severity.WARNING
    register.mark(USD, State.REPAIRING)
    observe(register, "-50", shown=20)
    assert register.open[USD].severity is Severity.ERROR
    assert register.revalue(PRICES) == []
    observe(register, "-5", shown=21)
    assert (state(register), register.open[USD].severity) == (State.REOPENED, Severity.WARNING)
    assert Severity.ERROR.raised is Severity.ERROR


def test_a_repair_that_agrees_is_resolved() -> None:
    """And its proof is forgotten with it."""
    register = register_with()
    register.mark(USD, State.REPAIRING)
    register.proves_us[register.open[USD].id] = us(20)
    (change,) = register.close(USD, at(9))
    assert change.after.state is State.RESOLVED
    assert register.proves_us == {}
    assert not register.is_repairing


def test_what_waits_is_decided_anew_when_it_changes() -> None:
    """Another amount is another question."""
    register = register_with()
    register.mark(USD, State.AWAITING_APPROVAL)
    assert observe(register, "-50") == []
    observe(register, "-60")
    assert state(register) is State.CONFIRMED


def test_what_is_ignored_is_kept_and_not_open() -> None:
    """It stands in the register, in no report, and is over when it changes."""
    register = register_with()
    assert register.mark(USD, State.IGNORED)
    assert register.mark(USD, State.IGNORED) == []
    assert register.all_open() == ()
    assert register.open[USD].is_expected
    assert not register.open[USD].is_loss
    assert register.unpriced() == frozenset()
    assert observe(register, "-50") == []
    over, new = observe(register, "-60")
    assert (over.after.state, new.after.state) == (State.RESOLVED, State.CONFIRMED)
    assert new.after.episode == over.after.episode + 1
    assert BTC not in register.open


def test_notes_are_switches() -> None:
    """What must outlive a restart, and nothing of other switches."""
    note = Note(2, Decimal("-7.50"))
    key, text = note.row("a:spot:USD:total:1")
    assert notes_of({key: text, "paused:a": "x"}) == {"a:spot:USD:total:1": Note(2, Decimal("-7.5"))}
    plain = Note(1)
    assert notes_of(dict([plain.row("b")])) == {"b": plain}
    assert cleared("a:spot:USD:total:1") == (key, None)
