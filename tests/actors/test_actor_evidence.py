"""What the exchange's history names goes on record once, with the exchange's own words on it."""

from actor_rig import Rig

from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass
from reconcile_actors.messages import DiscrepancyConfirmed


def _named(rig: Rig) -> list[dict[str, object]]:
    return [dict(entry.payload or {}) for entry in rig.ledger.of_kind("history.named")]


def test_a_missed_fill_is_on_record_with_its_order() -> None:
    """The payload says what the exchange says of the fill: market, side, order; and it says it once."""
    rig = Rig().opened().quiet()
    rig.exchanges["a"].fill("T9", "buy", "0.1", "100")
    rig.await_event(DiscrepancyConfirmed, within=20)
    rig.host.advance(60)
    (payload,) = _named(rig)
    (movement,) = payload["movements"]
    assert movement["id"] == "T9"
    assert (movement["instrument"], movement["side"]) == ("BTC/USD", "buy")
    assert movement["order_id"] == "O-OF-THE-EXCHANGE"
    (entry,) = rig.ledger.of_kind("history.named")
    assert dict(entry.body) == {"ids": ["T9"]}


def test_without_the_trades_the_ledger_s_words_are_kept() -> None:
    """Asking for more may fail; the evidence that is there is recorded all the same."""
    rig = Rig().opened().quiet()
    rig.exchanges["a"].enrich_script.append(ExchangeFailureError(FailureClass.TRANSIENT, "dropped"))
    rig.exchanges["a"].fill("T9", "sell", "0.1", "100")
    rig.await_event(DiscrepancyConfirmed, within=20)
    rig.host.advance(20)
    (payload,) = _named(rig)
    (movement,) = payload["movements"]
    assert (movement["id"], movement["order_id"]) == ("T9", None)


def test_a_deposit_needs_no_trades() -> None:
    """Only fills have more to say."""
    rig = Rig().opened().quiet()
    rig.exchanges["a"].enrich_script.append(ExchangeFailureError(FailureClass.TRANSIENT, "not to be asked"))
    rig.exchanges["a"].move("D1", {"USD": "50"})
    rig.await_event(DiscrepancyConfirmed, within=20)
    rig.host.advance(20)
    assert len(_named(rig)) == 1
    assert rig.exchanges["a"].enrich_script
