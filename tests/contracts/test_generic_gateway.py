"""The generic gateway over real HTTP: failures by class, the exchange's clock, emptiness, rows that go, and its own limits."""

import asyncio
import json
from decimal import Decimal
from email.utils import formatdate

import pytest

from reconcile_actors.domain.balances import Balance, Field
from reconcile_actors.domain.snapshot import Snapshot, UnknownReason, Unreadable
from reconcile_actors.exchanges import ccxt_client
from reconcile_actors.exchanges.port import ExchangeFailureError, ExchangeGateway, FailureClass
from tests.contracts.generic_desk import Desk, desk, totals
from tests.unit.exchanges.exchange_fakes import START_AT
from tests.unit.exchanges.http_server import never, serving

USDT = {"currency": "usdt", "total": "7.00000", "available": "6.50000", "reserved": "0.50000"}
BTC = {"currency": "btc", "total": "2", "available": "2", "reserved": "0"}


def rows(*ones: object) -> str:
    """What Bitstamp answers."""
    return json.dumps(ones)


def test_a_snapshot_says_what_was_read_and_when() -> None:
    """Every stated leg, the bracket of the answer, a digest of the content alone, and facts that promise no more than is known."""

    async def main() -> None:
        async with desk() as one:
            gateway: ExchangeGateway = await one.gateway("bitstamp", wallets=["spot"])
            one.say.text = rows(USDT, BTC)
            first = await gateway.read(timeout_seconds=5)
            one.say.text = rows({**BTC, "total": "2.000", "weight": "7"}, USDT)
            one.time.advance(60)
            second = await gateway.read(timeout_seconds=5)
            assert isinstance(first, Snapshot)
            assert isinstance(second, Snapshot)
            assert first.balances["spot", "USDT"] == Balance("USDT", Decimal(7), Decimal("6.5"), Decimal("0.5"))
            assert first.digest == second.digest
            assert first.raw_digest != second.raw_digest
            assert first.bracket.requested_at >= START_AT
            assert first.steps == {"USDT": Decimal("0.00001")}
            assert gateway.facts.authoritative == {Field.TOTAL}
            assert not gateway.facts.zeros_omitted
            assert (gateway.facts.lag_seconds, gateway.facts.has_history) == (2.0, False)
            history = await gateway.history(0, timeout_seconds=5)
            assert (history.movements, history.through_at) == ((), 0)
            assert await gateway.enrich((), timeout_seconds=5) == ()
            assert await gateway.prices(["BTC"], timeout_seconds=5) == {}
            slower = await one.gateway("bitstamp", exchange_lag_seconds=5)
            assert slower.facts.lag_seconds == 5.0

    asyncio.run(main())


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (429, "{}", FailureClass.RATE_LIMIT),
        (418, "{}", FailureClass.RATE_LIMIT),
        (500, "{}", FailureClass.TRANSIENT),
        (503, "", FailureClass.TRANSIENT),
        (401, "{}", FailureClass.CREDENTIALS),
        (403, "<html>blocked</html>", FailureClass.CONFIGURATION),
        (404, "{}", FailureClass.CONFIGURATION),
        (451, "{}", FailureClass.CONFIGURATION),
        (302, "{}", FailureClass.CONFIGURATION),
        # what ccxt knows of an exchange's codes says more than a bare refusal
        (
            403,
            '{"status": "error", "reason": "Missing key, signature and nonce parameters", "code": "API0000"}',
            FailureClass.CREDENTIALS,
        ),
        (200, '{"status": "error", "reason": "Invalid signature", "code": "API0005"}', FailureClass.CREDENTIALS),
        (200, '{"status": "error", "reason": {"__all__": ["no such thing"]}}', UnknownReason.BAD_SHAPE),
    ],
)
def test_a_failure_has_its_class(status: int, text: str, expected: object) -> None:
    """By the status, by what ccxt makes of the exchange's own code, or unknown; whatever the body holds."""

    async def main() -> object:
        async with desk() as one:
            gateway = await one.gateway("bitstamp")
            one.say.status, one.say.text = status, text
            return await one.read(gateway)

    assert asyncio.run(main()) is expected


def test_a_rate_limit_is_heard() -> None:
    """Retry-After comes with the failure, and from then on the exchange is read half as often."""

    async def main() -> None:
        async with desk() as one:
            gateway = await one.gateway("bitstamp")
            assert gateway.facts.poll_seconds == 2.0
            one.say.status, one.say.headers = 429, {"Retry-After": "17"}
            with pytest.raises(ExchangeFailureError) as raised:
                await gateway.read(timeout_seconds=5)
            assert (raised.value.failure, raised.value.http_status) == (FailureClass.RATE_LIMIT, 429)
            assert raised.value.retry_after_seconds == 17.0
            assert gateway.facts.poll_seconds == 4.0
            with pytest.raises(ExchangeFailureError) as raised:
                await gateway.read(timeout_seconds=0.5, confirming=True)
            assert raised.value.code == "own_limit"
            assert len(one.say.asked) == 1

    asyncio.run(main())


def test_reads_are_paced_by_what_ccxt_says_of_the_exchange() -> None:
    """A burst of reads spends what is saved up, then each waits; an exchange with a slow limit is read more seldom."""

    async def main() -> None:
        async with desk() as one:
            gateway, slow = await one.gateway("bitstamp"), await one.gateway("paymium")
            one.say.text = rows(USDT)
            for _ in range(12):
                await gateway.read(timeout_seconds=30, confirming=True)
            assert 5 < sum(one.time.slept) < 7
            assert slow.facts.poll_seconds == 20.0
            assert slow.facts.detection_seconds == 22.75

    asyncio.run(main())


def test_a_dropped_connection_is_tried_again() -> None:
    """A transient failure is retried inside the deadline, with the account's own tries."""

    async def main() -> None:
        async with desk() as one:
            gateway = await one.gateway("bitstamp", retry_count=2)
            one.say.status = 502
            with pytest.raises(ExchangeFailureError) as raised:
                await gateway.read(timeout_seconds=30)
            assert raised.value.failure is FailureClass.TRANSIENT
            assert len(one.say.asked) == 3

    asyncio.run(main())


def test_an_exchange_that_does_not_answer_is_a_timeout() -> None:
    """A read ends within its deadline."""

    async def main() -> FailureClass | None:
        async with desk() as one, serving(never) as silent:
            one.url = silent.url
            gateway = await one.gateway("bitstamp")
            try:
                await gateway.read(timeout_seconds=0.05)
            except ExchangeFailureError as failure:
                return failure.failure
        return None

    assert asyncio.run(main()) is FailureClass.TRANSIENT


def test_a_read_that_is_given_up_leaves_the_gateway_usable() -> None:
    """A cancelled read is cancelled, and the next one reads."""

    async def main() -> None:
        async with desk() as one, serving(never) as silent:
            url, one.url = one.url, silent.url
            gateway = await one.gateway("bitstamp")
            read = asyncio.create_task(gateway.read(timeout_seconds=30))
            async with asyncio.timeout(30):
                await silent.arrived.wait()
            read.cancel()
            with pytest.raises(asyncio.CancelledError):
                await read
            one.url = url
            again = await one.gateway("bitstamp")
            one.say.text = rows(USDT)
            assert totals(await one.read(again)) == {"USDT": "7.00000"}

    asyncio.run(main())


def _skewed(one: Desk, seconds: int) -> None:
    one.say.headers = {"Date": formatdate(one.time.clocks.utc_us() // 1_000_000 + seconds, usegmt=True)}


def test_a_refused_clock_is_mended_once() -> None:
    """A timestamp refused for a clock that differs is answered by the exchange's own time; refused again, a person is needed."""
    refusal = '{"errorCode": 203, "error": "Access window expired.", "action": ""}'

    async def main() -> None:
        async with desk() as one:
            gateway = await one.gateway("bitvavo", retry_count=3)
            client = gateway._client._client
            before = client.milliseconds()
            one.say.status, one.say.text = (
                400,
                '{"errorCode": 304, "error": "Authentication is required.", "action": ""}',
            )
            _skewed(one, 3600)
            one.say.status, one.say.text = 403, refusal
            client.exceptions["exact"]["203"] = _invalid_nonce()
            with pytest.raises(ExchangeFailureError) as raised:
                await gateway.read(timeout_seconds=30)
            assert (raised.value.failure, raised.value.code) == (FailureClass.CONFIGURATION, "invalid_nonce")
            assert len(one.say.asked) == 2
            assert 3_500_000 < client.milliseconds() - before < 3_700_000
            assert client.microseconds() // 1000 - client.milliseconds() < 1000
            assert client.milliseconds() // 1000 - client.seconds() < 2

    asyncio.run(main())


def _invalid_nonce() -> type[Exception]:
    import ccxt  # noqa: PLC0415 - the class alone

    kind: type[Exception] = ccxt.InvalidNonce
    return kind


def test_an_empty_account_needs_permission_and_a_place() -> None:
    """No row at all: unknown without `allow_empty`; with it, believed where rows stood before, after two connections agreed."""

    async def main() -> None:
        async with desk() as one:
            strict, open_to_it = await one.gateway("bitstamp"), await one.gateway("bitstamp", allow_empty=True)
            one.say.text = "[]"
            assert await one.read(open_to_it) is UnknownReason.EMPTY
            one.say.text = rows(USDT)
            for gateway in (strict, open_to_it):
                assert totals(await one.read(gateway)) == {"USDT": "7.00000"}
            one.say.text = "[]"
            assert await one.read(strict) is UnknownReason.EMPTY
            assert await one.read(open_to_it) is UnknownReason.INCOMPLETE_PAGE
            assert totals(await one.read(open_to_it)) == {}
            one.say.text = "{}"
            assert await one.read(open_to_it) is UnknownReason.EMPTY

    asyncio.run(main())


def test_a_row_that_is_gone_is_unknown_until_connections_agree() -> None:
    """Nothing says that the exchange leaves out zeros: the first answer without a row is incomplete, a lasting one is believed."""

    async def main() -> None:
        async with desk() as one:
            gateway = await one.gateway("bitstamp")
            one.say.text = rows(USDT, BTC)
            assert isinstance(await one.read(gateway), Snapshot)
            one.say.text = rows(USDT)
            assert await one.read(gateway) is UnknownReason.INCOMPLETE_PAGE
            one.say.text = rows(USDT, BTC)
            assert totals(await one.read(gateway)) == {"USDT": "7.00000", "BTC": "2"}
            one.say.text = rows(USDT)
            assert await one.read(gateway) is UnknownReason.INCOMPLETE_PAGE
            assert totals(await one.read(gateway)) == {"USDT": "7.00000"}

    asyncio.run(main())


def test_a_garbled_body_is_unreadable_with_a_constant_word() -> None:
    """Neither JSON nor UTF-8: the detail is a word of ours."""

    async def main() -> list[str]:
        async with desk() as one:
            gateway = await one.gateway("bitstamp")
            details = []
            for text in ("<html></html>", '[{"currency": "btc", "to', "[" * 100_000):
                one.say.text = text
                one.time.advance(60)
                got = await gateway.read(timeout_seconds=5)
                assert isinstance(got, Unreadable)
                details.append(got.detail)
            return details

    assert asyncio.run(main()) == ["not_json", "not_json", "unexpected"]


def htx(*listed: tuple[str, str, str]) -> str:
    """What htx answers: several rows a currency, by their type."""
    rows = [
        {"currency": currency, "type": kind, "balance": amount, "seq-num": "1"} for currency, kind, amount in listed
    ]
    return json.dumps({"status": "ok", "data": {"id": 1528640, "type": "spot", "state": "working", "list": rows}})


def test_requests_before_the_balances_are_made_and_must_succeed() -> None:
    """htx asks for the account's id first: the read is believed with both answers, and not without the first."""
    accounts = {"status": "ok", "data": [{"id": 1528640, "type": "spot", "subtype": "", "state": "working"}]}
    whole = htx(("btc", "trade", "1.5"), ("btc", "frozen", "0.5"), ("usdt", "trade", "7"), ("usdt", "frozen", "0"))

    async def main() -> list[object]:
        async with desk() as one:
            first, second = await one.gateway("htx"), await one.gateway("htx")
            one.say.by_path = {"/accounts": "<html></html>", "/balance": whole}
            outcomes: list[object] = [await one.read(first)]
            one.say.by_path = {"/accounts": json.dumps(accounts), "/balance": whole}
            outcomes += [totals(await one.read(first)), totals(await one.read(second))]
            return outcomes

    expected = {"BTC": "2.0", "USDT": "7"}
    assert asyncio.run(main()) == [UnknownReason.BAD_SHAPE, expected, expected]


def test_a_refused_question_before_the_balances_is_an_answer() -> None:
    """Bitget refuses a question about accounts of another kind, and ccxt goes on; a question that fails teaches nothing."""
    assets = [{"coin": "BTC", "available": "1", "limitAvailable": "0", "frozen": "0.5", "locked": "0", "uTime": "16"}]

    async def main() -> list[object]:
        async with desk() as one:
            gateway = await one.gateway("bitget")
            one.say.json({"code": "00000", "msg": "success", "requestTime": 1, "data": assets})
            outcomes: list[object] = []
            for status in (502, 429, 403, 400):
                one.say.statuses = {"/account/settings": status}
                one.say.by_path = {"/account/settings": '{"code": "40054", "msg": "no such account", "data": null}'}
                got = await one.read(gateway)
                outcomes.append(totals(got) if isinstance(got, Snapshot) else got)
            assert len([path for path in one.say.asked if path.endswith("/account/settings")]) == 4
            await one.read(gateway)
            assert len([path for path in one.say.asked if path.endswith("/account/settings")]) == 4
            return outcomes

    failures = [FailureClass.TRANSIENT, FailureClass.RATE_LIMIT, FailureClass.CONFIGURATION]
    assert asyncio.run(main()) == [*failures, {"BTC": "1.5"}]


def test_a_question_answered_with_nothing_is_no_answer() -> None:
    """From a success without data ccxt concludes that a unified account is none: neither is believed, nor remembered."""
    coins = [{"coin": "BTC", "walletBalance": "0.8", "locked": "0", "unrealisedPnl": "0", "availableToWithdraw": "0.8"}]
    unified = {"retCode": 0, "result": {"list": [{"accountType": "UNIFIED", "totalEquity": "9", "coin": coins}]}}
    classic = {"retCode": 0, "result": {"accountType": "SPOT", "balance": [{"coin": "BTC", "walletBalance": "0"}]}}
    told = {"retCode": 0, "result": {"unified": 0, "uta": 1, "unifiedMarginStatus": 6, "id": "17"}}

    async def main() -> list[object]:
        async with desk() as one:
            gateway = await one.gateway("bybit")
            outcomes: list[object] = []
            for question in (
                {"retCode": 0, "retMsg": "OK", "result": {}, "retExtInfo": {}, "time": 1672125441042},
                told,
            ):
                one.say.by_path = {
                    "/query-api": json.dumps(question),
                    "/account/info": json.dumps(told),
                    "/wallet-balance": json.dumps(unified),
                    "balance": json.dumps(classic),
                }
                got = await one.read(gateway)
                outcomes.append(totals(got) if isinstance(got, Snapshot) else got)
                outcomes.append(gateway._client._client.options.get("enableUnifiedAccount"))
            return outcomes

    assert asyncio.run(main()) == [UnknownReason.BAD_SHAPE, None, {"BTC": "0.8"}, True]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("btc", "trade", "1.5"), ("btc", "frozen", "0.5"), ("usdt", "trade", "7")], UnknownReason.BAD_SHAPE),
        ([("btc", "trade", "1.5"), ("btc", "trade", "0.5")], UnknownReason.CODE_COLLISION),
        ([("btc", "trade", "1.5"), ("btc", "", "0.5")], UnknownReason.CODE_COLLISION),
        ([("btc", "trade", "1.5")], UnknownReason.BAD_SHAPE),
    ],
)
def test_several_rows_of_a_currency_are_one_only_by_their_types(
    rows: list[tuple[str, str, str]], expected: UnknownReason
) -> None:
    """A type that one currency lacks is no zero, and a type that comes twice is a collision."""
    accounts = {"status": "ok", "data": [{"id": 1528640, "type": "spot", "subtype": "", "state": "working"}]}

    async def main() -> object:
        async with desk() as one:
            gateway = await one.gateway("htx")
            one.say.by_path = {"/accounts": json.dumps(accounts), "/balance": htx(*rows)}
            return await one.read(gateway)

    assert asyncio.run(main()) is expected


def test_the_deadline_of_one_try_is_the_clients() -> None:
    """A try takes two seconds a request at most, whatever the account's time-out."""
    assert ccxt_client.TRY_SECONDS == 2.0
