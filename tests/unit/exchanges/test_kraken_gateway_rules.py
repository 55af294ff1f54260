"""What the Kraken gateway makes of answers, with a scripted client in virtual time."""

import asyncio
from decimal import Decimal

import pytest

from reconcile_actors.config.models import ExchangeConfig
from reconcile_actors.domain.balances import Balance, Field
from reconcile_actors.domain.movements import MovementType
from reconcile_actors.domain.snapshot import Snapshot, UnknownReason, Unreadable
from reconcile_actors.exchanges.kraken import KrakenGateway
from reconcile_actors.exchanges.kraken.shape import read_rows
from reconcile_actors.exchanges.port import ExchangeFailureError, ExchangeGateway, FailureClass
from reconcile_actors.exchanges.rows import Rejected, content_of
from tests.unit.exchanges.exchange_fakes import (
    START_AT,
    START_US,
    FakeClient,
    Step,
    VirtualTime,
    balances,
    ledger_row,
    result,
)

GOOD = balances(XXBT=("1.5000000000", "0.5000000000"), ZUSD=("100.0000", "0.0000"))
SHORT = balances(ZUSD=("100.0000", "0.0000"))


class Desk:
    """A gateway over a scripted client."""

    def __init__(self, *script: Step, **config: object) -> None:
        self.time = VirtualTime()
        self.client = FakeClient(self.time, *script)
        self.gateway: KrakenGateway = KrakenGateway(
            "main",
            ExchangeConfig.model_validate({"id": "kraken", **config}),
            self.client,  # type: ignore[arg-type] # has what the gateway uses of a client
            retry_count=3,
            clocks=self.time.clocks,
            jitter=lambda pause: pause,
        )

    def read(self, *, fresh: bool = False, confirming: bool = False, timeout: float = 30.0) -> Snapshot | Unreadable:
        return asyncio.run(self.gateway.read(timeout_seconds=timeout, fresh=fresh, confirming=confirming))

    def good(self) -> Snapshot:
        got = self.read()
        assert isinstance(got, Snapshot)
        return got

    def reason(self) -> UnknownReason:
        got = self.read()
        assert isinstance(got, Unreadable)
        assert (got.exchange, got.group) == ("main", "balances")
        return got.reason


def test_a_snapshot_holds_what_was_read() -> None:
    """Total and locked as stated, available as their difference, borrowed unknown; steps as the text shows them."""
    got = Desk(GOOD).good()
    assert got.balances == {
        ("spot", "BTC"): Balance("BTC", Decimal("1.5"), Decimal(1), Decimal("0.5"), None, "spot"),
        ("spot", "USD"): Balance("USD", Decimal(100), Decimal(100), Decimal(0), None, "spot"),
    }
    assert got.steps == {"BTC": Decimal("1e-10"), "USD": Decimal("0.0001")}
    assert (got.exchange, got.group, got.positions, got.connection) == ("main", "balances", {}, 1)
    assert (got.bracket.requested_us, got.bracket.requested_at) == (START_US, START_AT)
    assert got.bracket.received_us - got.bracket.requested_us == 10_000


def test_it_is_a_gateway() -> None:
    """The class fulfils the port."""
    gateway: ExchangeGateway = Desk(GOOD).gateway
    assert gateway.facts.authoritative == {Field.TOTAL, Field.LOCKED}
    assert not gateway.facts.zeros_omitted


def test_facts_follow_the_tier() -> None:
    """The configured tier, and after a refusal the one below; R is never less than a second."""
    desk = Desk(ExchangeFailureError(FailureClass.RATE_LIMIT, "rate_limited"), exchange_lag_seconds="0.5")
    assert (desk.gateway.facts.tier, desk.gateway.facts.lag_seconds) == ("pro", 1.0)
    with pytest.raises(ExchangeFailureError):
        desk.read()
    assert desk.gateway.facts.tier == "intermediate"
    assert desk.gateway.facts.poll_seconds == 4.0
    assert Desk(GOOD, exchange_lag_seconds="3").gateway.facts.lag_seconds == 3.0


def test_only_configured_wallets_are_in_a_snapshot() -> None:
    """Value in other wallets is not shown, and never merged into spot."""
    answer = balances(XXBT=("1", "0"), XBT_F=("2", "0"), XBT_T=("4", "0"))
    assert {key: one.total for key, one in Desk(answer).good().balances.items()} == {("spot", "BTC"): 1}
    both = Desk(answer, wallets=["spot", "flexible"]).good()
    assert {key: one.total for key, one in both.balances.items()} == {("spot", "BTC"): 1, ("flexible", "BTC"): 2}


def test_the_digest_is_of_the_content() -> None:
    """Equal amounts give equal digests whatever their order and zeros; one unit of the last place changes it."""
    one = Desk(balances(XXBT=("1.50", "0"), ZUSD=("100", "0.0"))).good()
    same = Desk(balances(ZUSD=("1e2", "0"), XXBT=("1.5000", "0"))).good()
    other = Desk(balances(XXBT=("1.51", "0"), ZUSD=("100", "0"))).good()
    held = Desk(balances(XXBT=("1.50", "0.1"), ZUSD=("100", "0"))).good()
    assert one.digest == same.digest
    assert one.raw_digest != same.raw_digest
    assert len({one.digest, other.digest, held.digest}) == 3


def test_equal_bytes_reuse_what_was_read() -> None:
    """A second answer of the same bytes shares its balances, under a bracket of its own."""
    desk = Desk(GOOD)
    first, second = desk.good(), desk.good()
    assert second.balances is first.balances
    assert second.bracket != first.bracket


def test_a_changed_row_is_seen() -> None:
    """Rows that stayed are reused, the one that changed is read."""
    desk = Desk(GOOD, balances(XXBT=("1.5000000000", "0.5000000000"), ZUSD=("99.0000", "0.0000")))
    desk.good()
    assert desk.good().balances["spot", "USD"].total == 99


def test_an_empty_account_is_unknown_unless_allowed() -> None:
    """No row at all is believed only where the configuration says so."""
    assert Desk(result({})).reason() is UnknownReason.EMPTY
    assert Desk(result({}), allow_empty=True).good().balances == {}


def test_rows_do_not_vanish_into_an_allowed_empty_account() -> None:
    """Even where an empty account is allowed, rows that were there are missed."""
    desk = Desk(GOOD, result({}), allow_empty=True)
    desk.good()
    assert desk.reason() is UnknownReason.INCOMPLETE_PAGE


def test_an_empty_answer_does_not_make_a_short_one_whole() -> None:
    """However long an empty answer lasts, the rows from before it stay expected."""
    desk = Desk(GOOD, *([result({})] * 5), SHORT)
    desk.good()
    for _ in range(5):
        desk.time.advance(20)
        assert desk.reason() is UnknownReason.EMPTY
    assert desk.reason() is UnknownReason.INCOMPLETE_PAGE


def test_a_missing_row_is_asked_again_over_a_fresh_connection() -> None:
    """A short answer is incomplete; the next read connects anew by itself, and ends the doubt when the row is back."""
    desk = Desk(GOOD, SHORT, GOOD, GOOD)
    desk.good()
    assert desk.reason() is UnknownReason.INCOMPLETE_PAGE
    desk.good()
    desk.good()
    assert [call.fresh for call in desk.client.calls] == [False, False, True, False]


def test_a_row_that_stays_away_is_gone() -> None:
    """Fresh connections that agree for ten seconds are believed: the row is absent, not zero."""
    desk = Desk(GOOD, SHORT)
    desk.good()
    reasons = []
    for _ in range(6):
        got = desk.read()
        reasons.append(got.reason if isinstance(got, Unreadable) else None)
        desk.time.advance(3)
    assert reasons == [UnknownReason.INCOMPLETE_PAGE] * 4 + [None] * 2
    assert ("spot", "BTC") not in desk.good().balances


def test_bad_data_is_unreadable() -> None:
    """An answer that is no JSON is distrusted like one of the wrong shape; other failures are raised."""
    desk = Desk(ExchangeFailureError(FailureClass.BAD_DATA, "not_json"), [])
    got = desk.read()
    assert isinstance(got, Unreadable)
    assert (got.reason, got.detail) == (UnknownReason.BAD_SHAPE, "not_json")
    assert got.bracket.received_us >= got.bracket.requested_us
    assert desk.reason() is UnknownReason.BAD_SHAPE
    for failure in (FailureClass.CREDENTIALS, FailureClass.MAINTENANCE, FailureClass.CONFIGURATION):
        with pytest.raises(ExchangeFailureError):
            Desk(ExchangeFailureError(failure, "x")).read()


def test_confirming_reads_may_burst() -> None:
    """Ten confirming reads go without a pause where watching would have to wait."""
    desk = Desk(GOOD)
    for _ in range(12):
        desk.read(confirming=True)
    assert desk.time.slept == []
    desk = Desk(GOOD)
    for _ in range(12):
        desk.read()
    assert desk.time.slept != []


def test_fresh_is_passed_on() -> None:
    """A read on a fresh connection tells so by its number."""
    desk = Desk(GOOD)
    first, second = desk.read(), desk.read(fresh=True)
    assert isinstance(first, Snapshot)
    assert isinstance(second, Snapshot)
    assert second.connection == first.connection + 1


def test_history_is_of_the_configured_wallets_since_the_instant() -> None:
    """What came before the instant, or into other wallets, is left out; the read says how far it reaches."""
    second = START_AT // 1_000_000
    rows = {
        "L4": ledger_row(f"{second - 20}.5", "XXBT", "1", refid="D4", kind="deposit"),
        "L3": ledger_row(f"{second - 30}", "XBT.F", "1", refid="D3", kind="deposit"),
        "L2": ledger_row(f"{second - 40}", "XXBT", "1", refid="D2", kind="deposit"),
        "L1": ledger_row(f"{second - 41}", "XXBT", "1", refid="D1", kind="deposit"),
    }
    desk = Desk(result({"ledger": rows, "count": 4}))
    since = START_AT - 40_000_000
    got = asyncio.run(desk.gateway.history(since, timeout_seconds=30))
    assert [movement.id for movement in got.movements] == ["D2", "D4"]
    assert got.movements[1].occurred_at == START_AT - 19_500_000
    assert (got.since_at, got.through_at) == (since, START_AT - 1_000_000)
    assert got.movements[0].type is MovementType.TRANSFER


def test_history_is_whole_or_a_failure() -> None:
    """A page that fails fails the read."""
    page = result({"ledger": {"L1": ledger_row("1", "XXBT", "1", refid="D1", kind="deposit")}, "count": 60})
    desk = Desk(page, ExchangeFailureError(FailureClass.MAINTENANCE, "service_unavailable"))
    with pytest.raises(ExchangeFailureError):
        asyncio.run(desk.gateway.history(0, timeout_seconds=30))


def test_enrich_asks_for_trades() -> None:
    """Fills of a history get their order."""
    second = START_AT // 1_000_000 - 100
    rows = {f"L{n}": ledger_row(f"{second}", asset, "1", refid="T1") for n, asset in enumerate(["XXBT", "ZUSD"])}
    trades = {"T1": {"ordertxid": "O1", "pair": "XXBTZUSD", "type": "sell"}}
    desk = Desk(result({"ledger": rows, "count": 2}), result({"trades": trades, "count": 1}))

    async def main() -> None:
        history = await desk.gateway.history(0, timeout_seconds=30)
        [fill] = await desk.gateway.enrich(history.movements, timeout_seconds=30)
        assert (fill.instrument, fill.side, fill.order_id) == ("BTC/USD", "sell", "O1")

    asyncio.run(main())


def test_prices_of_unknown_currencies_are_left_out_and_remembered() -> None:
    """One unknown pair makes Kraken refuse all: then all tickers are read, and the unknown one is not asked for again."""
    refused = ExchangeFailureError(FailureClass.CONFIGURATION, "unknown_pair")
    tickers = result({"XXBTZUSD": {"c": ["60000", "1"]}, "XETHZUSD": {"c": ["3000", "1"]}})
    desk = Desk(refused, tickers)

    async def main() -> None:
        got = await desk.gateway.prices(["BTC", "NOPE", "USD"], timeout_seconds=30)
        assert {currency: price.usd for currency, price in got.items()} == {"BTC": 60000}
        await desk.gateway.prices(["BTC", "NOPE"], timeout_seconds=30)
        assert await desk.gateway.prices(["NOPE", "USD"], timeout_seconds=30) == {}
        assert [call.params for call in desk.client.calls] == [{"pair": "XBTUSD,NOPEUSD"}, {}, {"pair": "XBTUSD"}]

    asyncio.run(main())


def test_prices_that_fail_are_a_failure() -> None:
    """Other failures are raised."""
    desk = Desk(ExchangeFailureError(FailureClass.MAINTENANCE, "x"))
    with pytest.raises(ExchangeFailureError):
        asyncio.run(desk.gateway.prices(["BTC"], timeout_seconds=30))


def test_close_closes_the_client() -> None:
    """Nothing stays open."""
    desk = Desk(GOOD)
    asyncio.run(desk.gateway.close())
    assert desk.client.closed


def test_the_smallest_step_of_a_currency_over_wallets_counts() -> None:
    """Where two wallets show different decimals, the finer one is the step; whole numbers tell none."""
    rows = read_rows(balances(XXBT=("1.00", "0"), XBT_F=("2.0000", "0"), ZUSD=("7", "0")))
    assert not isinstance(rows, Rejected)
    assert content_of(list(rows.values()), frozenset({"spot", "flexible"})).steps == {"BTC": Decimal("0.0001")}
