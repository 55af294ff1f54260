"""Money, instruments, ids: the small parts everything else stands on."""

from decimal import Decimal, Inexact, localcontext

import pytest

from reconcile_actors.simulation.ids import IdMint
from reconcile_actors.simulation.instruments import PAIRS, UnknownInstrumentError, find_asset, find_pair
from reconcile_actors.simulation.money import fits, minus, over, plus, rounded, text, times, total
from reconcile_actors.simulation.seeding import seeded


def test_sums_are_exact_whatever_the_thread_s_context_is():
    """Arithmetic does not round at the precision of the calling thread's context."""
    with localcontext() as context:
        context.prec = 3
        assert plus(Decimal("123456789.123456789"), Decimal("0.000000001")) == Decimal("123456789.123456790")
        assert minus(Decimal(1), Decimal("0.0000000001")) == Decimal("0.9999999999")
        assert times(Decimal("60000.1"), Decimal("0.00012345")) == Decimal("7.407012345")
        assert total([Decimal("0.1")] * 10) == Decimal(1)


def test_an_inexact_sum_is_an_error():
    """A sum that would need more digits than the wide context has is refused, not rounded."""
    with pytest.raises(Inexact):
        plus(Decimal("1E+60"), Decimal("1E-60"))


def test_texts_have_exactly_the_decimals_asked_for_and_no_signed_zero():
    """Amounts are written in plain notation, rounded half to even, and zero has no sign."""
    assert text(Decimal("1E-10"), 10) == "0.0000000001"
    assert text(Decimal("1E+3"), 4) == "1000.0000"
    assert text(Decimal("0.00005"), 4) == "0.0000"
    assert text(Decimal("-0.00001"), 4) == "0.0000"
    assert rounded(over(Decimal(2), Decimal(3)), 4) == Decimal("0.6667")


def test_fits_tells_what_an_asset_can_carry():
    """Only finite amounts without digits beyond the asset's decimals fit."""
    assert fits(Decimal("1.2300"), 2)
    assert not fits(Decimal("1.234"), 2)
    assert not fits(Decimal("NaN"), 2)
    assert not fits(Decimal("Infinity"), 2)


def test_instruments_are_found_by_every_name_they_have():
    """Assets are found by code and altname; pairs by id, altname and slashed name; others are unknown."""
    assert find_asset("XBT") is find_asset("XXBT")
    assert find_pair("XBTUSD") is find_pair("XXBTZUSD") is find_pair("XBT/USD")
    assert [pair.id for pair in PAIRS.values()][:4] == ["XXBTZUSD", "XETHZUSD", "XETHXXBT", "USDTZUSD"]
    assert find_pair("SOLUSD").quote == "ZUSD"
    with pytest.raises(UnknownInstrumentError):
        find_asset("NOPE")
    with pytest.raises(UnknownInstrumentError):
        find_pair("NOPE")


def test_tick_times_lot_always_fits_the_quote():
    """Traders' lots make every cost exact, so that honest reports reproduce the ledger to the last digit."""
    for pair in PAIRS.values():
        assert fits(times(pair.tick, pair.trade_step), find_asset(pair.quote).decimals), pair.id
        assert fits(pair.opening_price, pair.price_decimals), pair.id


def test_ids_are_repeatable_and_in_the_exchange_s_form():
    """The same seed mints the same ids; another purpose gets another stream."""
    first, again, other = (IdMint(seeded(7, name)) for name in ("a", "a", "b"))
    assert first.short("L") == again.short("L") != other.short("L")
    assert [len(part) for part in first.short("O").split("-")] == [6, 5, 6]
    assert [len(part) for part in first.long("Q").split("-")] == [7, 6, 6]
    assert len(first.hash()) == 64
    assert len(first.bytes(10)) == 10
