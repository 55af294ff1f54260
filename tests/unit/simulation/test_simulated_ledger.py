"""The ledger: all or nothing, provable, and able to tell the past."""

from decimal import Decimal

import pytest

from reconcile_actors.simulation.ids import IdMint
from reconcile_actors.simulation.ledger import (
    Entry,
    Holding,
    InsufficientFundsError,
    InvalidAmountError,
    Ledger,
    LedgerBrokenError,
)
from reconcile_actors.simulation.seeding import seeded

D = Decimal


def new_ledger() -> Ledger:
    ledger = Ledger(IdMint(seeded("ledger test")))
    ledger.apply(10.0, "Q1", [Entry("XXBT", D("2"), "deposit", fee=D("0.5"))])
    return ledger


def test_a_row_moves_the_balance_by_amount_less_fee():
    """A row states amount, fee and the balance after both."""
    (row,) = new_ledger().rows()
    assert (row.amount, row.fee, row.balance, row.refid, row.type) == (D(2), D("0.5"), D("1.5"), "Q1", "deposit")


def test_entries_are_booked_together_or_not_at_all():
    """When the second entry cannot be paid, the first leaves no trace."""
    ledger = new_ledger()
    with pytest.raises(InsufficientFundsError, match="ZUSD"):
        ledger.apply(11.0, "T1", [Entry("XXBT", D(1), "trade"), Entry("ZUSD", D(-1), "trade")])
    assert ledger.holdings() == {"XXBT": Holding(D("1.5"), D(0))}
    assert len(ledger.rows()) == 1
    ledger.verify()


def test_a_hold_is_never_above_the_balance_nor_below_zero():
    """What is locked cannot leave, and nothing can be unlocked that is not locked."""
    ledger = new_ledger()
    ledger.apply(11.0, "O1", holds={"XXBT": D(1)})
    assert ledger.available("XXBT") == D("0.5")
    with pytest.raises(InsufficientFundsError):
        ledger.apply(12.0, "A1", [Entry("XXBT", D("-0.6"), "withdrawal")])
    with pytest.raises(InsufficientFundsError):
        ledger.apply(12.0, "O1", holds={"XXBT": D(-2)})
    with pytest.raises(InsufficientFundsError):
        ledger.apply(12.0, "O2", holds={"XXBT": D(1)})


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "0.00000000001"])
def test_amounts_that_the_asset_cannot_carry_are_refused(amount):
    """Not finite, or with more digits than the asset has decimals."""
    with pytest.raises(InvalidAmountError, match="XXBT"):
        new_ledger().apply(11.0, "Q2", [Entry("XXBT", D(amount), "deposit")])


def test_the_past_is_told_as_it_stood():
    """Balances and holds are known for any instant; before its first row an asset is absent."""
    ledger = new_ledger()
    ledger.apply(11.0, "O1", holds={"XXBT": D(1)})
    ledger.apply(12.0, "Q2", [Entry("ZUSD", D(5), "deposit")])
    assert ledger.holdings(9.9) == {}
    assert ledger.holdings(10.0) == {"XXBT": Holding(D("1.5"), D(0))}
    assert ledger.holdings(11.5) == {"XXBT": Holding(D("1.5"), D(1))}
    assert ledger.holdings(99.0) == ledger.holdings()


def test_rows_are_cut_by_time_or_id_start_exclusive_end_inclusive():
    """Two rows of one instant are told apart by id, never by time."""
    ledger = Ledger(IdMint(seeded("cut")))
    first, second = ledger.apply(1.0, "T1", [Entry("XXBT", D(1), "trade"), Entry("ZUSD", D(1), "trade")])
    (third,) = ledger.apply(2.0, "Q1", [Entry("XXBT", D(1), "deposit")])
    assert ledger.rows(1.0) == [third]
    assert ledger.rows(until=1.0) == [first, second]
    assert ledger.rows(first.id) == [second, third]
    assert ledger.rows(first.id, second.id) == [second]
    assert ledger.row(second.id) is second
    assert ledger.row("L") is None
    with pytest.raises(KeyError):
        ledger.rows("L")


def test_time_does_not_go_back():
    """A row older than the last one is a defect of the simulation."""
    with pytest.raises(LedgerBrokenError, match="time"):
        new_ledger().apply(9.0, "Q2", [Entry("XXBT", D(1), "deposit")])


def test_verify_sees_each_kind_of_broken_books():
    """A changed balance, a changed running balance and an impossible hold are each found."""
    ledger = new_ledger()
    ledger._holdings["XXBT"] = Holding(D(9), D(0))
    with pytest.raises(LedgerBrokenError, match="sum of its rows"):
        ledger.verify()
    ledger = new_ledger()
    ledger._running["XXBT"] = D(9)
    ledger.apply(11.0, "Q2", [Entry("XXBT", D(1), "deposit")])
    with pytest.raises(LedgerBrokenError, match="last row"):
        ledger.verify()
    ledger = new_ledger()
    ledger._holdings["XXBT"] = Holding(D("1.5"), D(2))
    with pytest.raises(LedgerBrokenError, match="hold"):
        ledger.verify()
