"""What the Coinbase gateway makes of answers that no exchange should send, with a scripted client in virtual time."""

import asyncio
from collections.abc import Callable

import pytest

from reconcile_actors.config.models import ExchangeConfig
from reconcile_actors.domain.snapshot import Snapshot, UnknownReason, Unreadable
from reconcile_actors.errors import ConfigError
from reconcile_actors.exchanges.coinbase import CoinbaseGateway
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass
from tests.unit.exchanges.exchange_fakes import FakeClient, Step, VirtualTime
from tests.unit.exchanges.test_coinbase_shape import account, page

REFUSED = ExchangeFailureError(FailureClass.CREDENTIALS, "http_unauthorized", http_status=401)


class Client(FakeClient):
    """Signs nothing; remembers what time it would sign."""

    milliseconds: Callable[[], int]

    def tell_time_by(self, milliseconds: Callable[[], int]) -> None:
        self.milliseconds = milliseconds


class Desk:
    """A gateway over a scripted client."""

    def __init__(self, *script: Step, **config: object) -> None:
        self.time = VirtualTime()
        self.client = Client(self.time, *script)
        self.gateway = CoinbaseGateway(
            "main",
            ExchangeConfig.model_validate({"id": "coinbase", **config}),
            self.client,  # type: ignore[arg-type] # has what the gateway uses of a client
            retry_count=1,
            clocks=self.time.clocks,
            jitter=lambda pause: pause,
        )

    def read(self, timeout: float = 30.0) -> Snapshot | Unreadable:
        return asyncio.run(self.gateway.read(timeout_seconds=timeout))

    def reason(self) -> tuple[UnknownReason, str]:
        got = self.read()
        assert isinstance(got, Unreadable)
        return got.reason, got.detail


def test_two_codes_of_one_currency() -> None:
    """`CGLD` and `CELO` are one currency to everybody else: which of them counts is not for us to say."""
    both = page(account("a", "CGLD"), account("b", "CELO"))
    assert Desk(both).reason() == (UnknownReason.CODE_COLLISION, "two_codes_one_currency")


def test_an_older_code_that_holds_nothing_is_no_collision() -> None:
    """An account once made stays listed under the name that its currency had then."""
    got = Desk(page(account("a", "CGLD", available="0", hold="0"), account("b", "CELO"))).read()
    assert isinstance(got, Snapshot)
    assert [(code, one.total) for (_, code), one in got.balances.items()] == [("CELO", 2)]


def test_bad_data_is_unreadable_and_other_failures_are_raised() -> None:
    """An answer that is no JSON is distrusted like one of the wrong shape."""
    assert Desk(ExchangeFailureError(FailureClass.BAD_DATA, "not_json")).reason() == (
        UnknownReason.BAD_SHAPE,
        "not_json",
    )
    for failure in (FailureClass.MAINTENANCE, FailureClass.CONFIGURATION):
        with pytest.raises(ExchangeFailureError):
            Desk(ExchangeFailureError(failure, "x")).read()


@pytest.mark.parametrize("told", [[], {}, {"epochMillis": None}, {"epochMillis": "soon"}])
def test_a_time_that_is_none_mends_nothing(told: Step) -> None:
    """Then a refusal stays a refusal, and the clock what it was."""
    desk = Desk(REFUSED, told, page(account()))
    before = desk.client.milliseconds()
    with pytest.raises(ExchangeFailureError) as caught:
        desk.read()
    assert caught.value.failure is FailureClass.CREDENTIALS
    assert desk.client.milliseconds() == before + 10  # what the call took


def test_a_clock_that_is_right_mends_nothing() -> None:
    """A difference of less than two seconds is the way there and back."""
    desk = Desk(REFUSED, lambda _: {"epochMillis": str(desk.time.clocks.utc_us() // 1000 + 1500)}, page(account()))
    with pytest.raises(ExchangeFailureError):
        desk.read()
    assert [call.method for call in desk.client.calls] == ["v3PrivateGetBrokerageAccounts", "v3PublicGetBrokerageTime"]


def test_a_second_refusal_is_final() -> None:
    """The clock is mended once a request; a key that is refused then is refused."""
    desk = Desk(REFUSED, {"epochMillis": "1"}, REFUSED)
    with pytest.raises(ExchangeFailureError) as caught:
        desk.read()
    assert caught.value.failure is FailureClass.CREDENTIALS
    assert len(desk.client.calls) == 3


def test_confirming_reads_may_go_where_watching_waits() -> None:
    """Watching keeps to its share of a second; a confirmation takes what is left of it."""
    desk = Desk(page(account()))

    async def main() -> None:
        for _ in range(30):
            await desk.gateway.read(timeout_seconds=30)
        waited = len(desk.time.slept)
        assert waited > 0
        for _ in range(3):
            await desk.gateway.read(timeout_seconds=30, confirming=True)
        assert len(desk.time.slept) == waited

    asyncio.run(main())


def test_a_wallet_that_it_does_not_have() -> None:
    """A gateway is not made for it."""
    with pytest.raises(ConfigError, match="no wallet of Coinbase"):
        Desk(page(), wallets=["earn"])
