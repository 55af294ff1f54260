"""Nothing that the gateway says or raises holds a key, a signature, a body or an amount (I7), even with locals shown."""

import asyncio
import logging
import pickle
import traceback
from collections.abc import Awaitable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from loguru import logger

import reconcile_actors
from reconcile_actors.domain.snapshot import Unreadable
from reconcile_actors.exchanges import ccxt_client
from reconcile_actors.exchanges.port import ExchangeFailureError
from reconcile_actors.simulation import Fault
from tests.contracts.dydx_desk import Desk, desk

AMOUNT = Decimal("13579.2468")
PACKAGE = str(Path(reconcile_actors.__file__).parent)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Everything that is logged at DEBUG, by loguru with its variables and by the standard library."""
    lines: list[str] = []
    sink = logger.add(
        lines.append, level="DEBUG", format="{message} {extra}", diagnose=True, backtrace=True, catch=False
    )  # type: ignore[arg-type] # a list's append is a sink
    caplog.set_level(logging.DEBUG)
    for name in ("ccxt", "ccxt.base.exchange", "aiohttp", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    yield lines
    logger.remove(sink)
    lines.append(caplog.text)


def with_locals(error: BaseException) -> str:
    """The error as text, as a pickle, and as a traceback that shows the locals of our own frames."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    frames = [
        f"{frame.name} {frame.locals}"
        for one in chain
        for frame in traceback.TracebackException.from_exception(one, capture_locals=True).stack
        if not frame.filename.startswith((str(Path(__file__).parent), str(Path(asyncio.__file__).parent)))
    ]
    assert any(PACKAGE in frame.filename for one in chain for frame in traceback.extract_tb(one.__traceback__))
    texts = [f"{one} {one!r} {one.args} {vars(one)}" for one in chain]
    return "\n".join([*texts, *frames, repr(pickle.dumps(error.args)), "".join(traceback.format_exception(error))])


async def failure(work: Awaitable[object]) -> str:
    try:
        got = await work
    except ExchangeFailureError as error:
        try:
            raise error
        except ExchangeFailureError:
            logger.exception("a read failed")
        return with_locals(error)
    return f"{got.reason} {got.detail}" if isinstance(got, Unreadable) else ""


def secrets_of(one: Desk) -> list[str]:
    return [one.dydx.address, "13579.24", "13000.11", "0.1234", "subaccountNumber/", "indexer.dydx.trade"]


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
@pytest.mark.parametrize("endpoint", ["*", "perpetualMarkets"])
def test_no_fault_makes_it_speak(fault: Fault, endpoint: str, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong with the account, its history or prices, neither errors nor logs tell what must not be told."""
    if fault is Fault.SLOW:
        monkeypatch.setattr(ccxt_client, "TRY_SECONDS", 0.1)

    async def main() -> list[str]:
        async with desk(retry_count=1) as one:
            one.dydx.account.deposit(AMOUNT)
            one.dydx.account.trade("BTC-USD", "buy", Decimal("0.1234"))
            one.dydx.chain.move_funding()
            one.time.advance(60)
            await one.gateway.read(timeout_seconds=30)
            one.time.advance(60)
            one.dydx.faults.always(endpoint, fault)
            secrets.extend(secrets_of(one))
            return [
                await failure(one.gateway.read(timeout_seconds=30, confirming=True)),
                await failure(one.gateway.history(0, timeout_seconds=30)),
                await failure(one.gateway.prices(["BTC"], timeout_seconds=30)),
            ]

    secrets: list[str] = []
    told = "\n".join([*asyncio.run(main()), *said])
    assert [secret for secret in secrets if secret in told] == []


def test_the_search_finds_what_it_looks_for() -> None:
    """A failure raised where a raw row is at hand is caught by the search: the test above can fail."""

    def careless(row: dict[str, str]) -> None:
        raise ExchangeFailureError(failure="bad_data", code=f"row with {len(row)}")  # type: ignore[arg-type] # only raised

    try:
        careless({"balance": str(AMOUNT)})
    except ExchangeFailureError as error:
        stack = traceback.TracebackException.from_exception(error, capture_locals=True).stack
        assert any("13579.24" in str(frame.locals) for frame in stack)
