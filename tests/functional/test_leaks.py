"""No secret, key, signature or amount in a log, a traceback or a leaf (I7): canaries are planted and every fault is provoked."""

import asyncio
import logging
import re
import sqlite3
import traceback
import warnings
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path

import pytest
from loguru import logger

from reconcile_actors import ReconciliationSystem
from reconcile_actors.config import Settings, load
from reconcile_actors.errors import ReconcileError
from reconcile_actors.logs import configure_logging
from reconcile_actors.messages import (
    GetDiscrepancies,
    GetPortfolio,
    GetStatus,
    PauseExchange,
    ReconcileNow,
    RecordTransfer,
    ResumeExchange,
)
from reconcile_actors.messages.wire import MessageError, parse_message
from reconcile_actors.simulation.kraken import Fault, FaultOptions, SimulatedKraken
from tests.functional.system_desk import PATIENCE_SECONDS, opening, stock, trade, write_settings

HOLDINGS = {"XXBT": "2.71828183", "ZUSD": "31415.9265", "XETH": "16.1803398"}
REPORTED = ("577215.66", "-9109.38")
QUICK = "timeout_seconds = 1\nretry_count = 0\nlocal_lag_seconds = 0.2\ndetection_target_seconds = 1\ninterval_seconds = 600"
ENDPOINTS = ("BalanceEx", "Ledgers", "Ticker")
SIGNATURE = re.compile(r"[A-Za-z0-9+/]{80,}={0,2}")


@pytest.fixture
def kraken() -> Iterator[SimulatedKraken]:
    with SimulatedKraken.start_in_thread(seed=13, tier=None) as exchange:
        stock(exchange.user, **HOLDINGS)
        yield exchange


@pytest.fixture
def heard(capfd: pytest.CaptureFixture[str]) -> Iterator[list[str]]:
    """Everything that anybody logs at DEBUG or below, as the most talkative host program would have it."""
    lines: list[str] = []
    sink = logger.add(
        lines.append, level="TRACE", format="{message} {extra} {exception}", diagnose=True, backtrace=True
    )  # type: ignore[arg-type]
    logger.enable("reconcile_actors")
    root, handler = logging.getLogger(), logging.Handler()
    formatter = logging.Formatter()
    handler.emit = lambda record: lines.append(f"{record.name} {formatter.format(record)}")  # type: ignore[method-assign]
    level, root.level = root.level, logging.DEBUG
    root.addHandler(handler)
    yield lines
    root.removeHandler(handler)
    root.level = level
    logger.remove(sink)
    logger.disable("reconcile_actors")


def canaries(kraken: SimulatedKraken) -> list[str]:
    """What must not be seen: keys whole and in part, and the digits of every amount."""
    keys = kraken.keys
    amounts = [*HOLDINGS.values(), *REPORTED]
    # six digits or more: fewer would stand by chance in some hash
    digits = {part for amount in amounts for part in (*re.findall(r"\d{6,}", amount), amount.replace(".", ""))}
    return [keys.api_key, keys.secret, keys.api_key[:20], keys.secret[:20], *amounts, *digits]


def assert_clean(text: str, secrets: list[str], where: str) -> None:
    found = [one for one in secrets if one in text]
    assert found == [], f"{where}: {found}"
    assert not SIGNATURE.search(text), where


async def a_bad_day(config: Path, kraken: SimulatedKraken) -> list[str]:
    """A system under each fault in turn, with conflicts and refusals; the text of whatever is raised or answered outside."""
    async with ReconciliationSystem.open(config) as system:
        await system.record(opening("main", kraken.user))
        await system.record(trade(kraken, "main", kraken.user, volume="0.14142135"))
        for amount in REPORTED:
            await system.record(RecordTransfer(exchange="main", id="C1", currency="USD", amount=amount))
        await system.record(opening("main", kraken.user, version=0))
        await system.record(opening("main", kraken.user, version=9))
        await system.ask(ReconcileNow(exchange="main"), timeout=PATIENCE_SECONDS)
    raised = []
    for fault in Fault:
        kraken.account.deposit("XETH", Decimal("0.00012345"))
        for endpoint in ENDPOINTS:
            kraken.faults.always(endpoint, fault, options=FaultOptions(seconds=0.5))
        async with ReconciliationSystem.open(config) as system:
            raised += await under_fault(system)
        kraken.faults.clear()
    return raised


async def under_fault(system: ReconciliationSystem) -> list[str]:
    commands = (
        ReconcileNow(exchange="main"),
        ReconcileNow(exchange="nobody"),
        PauseExchange(exchange="main"),
        ResumeExchange(exchange="main", reason="again"),
        ReconcileNow(exchange="main"),
    )
    raised = []
    for command in commands:
        try:
            await system.ask(command, timeout=PATIENCE_SECONDS)
        except (ReconcileError, TimeoutError) as error:
            raised.append("".join(traceback.format_exception(error)))
    await system.ask(GetDiscrepancies(include_closed=True), timeout=PATIENCE_SECONDS)
    await system.ask(GetPortfolio(), timeout=PATIENCE_SECONDS)
    raised.append(repr(await system.ask(GetStatus(), timeout=PATIENCE_SECONDS)))
    return raised


def test_nothing_leaks_on_a_bad_day(
    tmp_path: Path, kraken: SimulatedKraken, heard: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Every fault at every endpoint, conflicts and refusals: no canary in logs, on stderr, in errors or in the log's leaves."""
    config = write_settings(tmp_path, kraken.base_url, {"main": kraken.user}, QUICK)
    with warnings.catch_warnings(record=True) as warned:
        raised = asyncio.run(a_bad_day(config, kraken))
    secrets = canaries(kraken)
    assert_clean("\n".join(heard), secrets, "logs")
    captured = capfd.readouterr()
    assert_clean(captured.err, secrets, "stderr")
    assert_clean(captured.out, secrets, "stdout")
    assert_clean("\n".join(str(one.message) for one in warned), secrets, "warnings")
    assert_clean("\n".join(raised), secrets, "errors")
    met = {fault for record in kraken.requests for fault in record.faults}
    assert met >= set(Fault), "every fault was provoked"
    assert_leaves_clean(load(config), kraken, secrets)


def assert_leaves_clean(settings: Settings, kraken: SimulatedKraken, secrets: list[str]) -> None:
    """What stays in the audit log for ever, and what is shown of it outside, holds no amount; the erasable payloads do."""
    database = sqlite3.connect(settings.store.path)
    leaves = [bytes(data).decode() for (data,) in database.execute("SELECT leaf FROM log ORDER BY seq")]
    payloads = " ".join(str(row) for row in database.execute("SELECT body FROM payload"))
    database.close()
    assert len(leaves) > 50
    for leaf in leaves:
        found = [one for one in secrets if one in leaf]
        assert found == [], leaf
    assert any(one in payloads for one in REPORTED)
    head = settings.audit.trusted_head_file
    assert head is not None
    assert not [one for one in secrets if one in head.read_text()]
    whole = settings.store.path.read_bytes()
    assert kraken.keys.api_key.encode() not in whole
    assert kraken.keys.secret.encode() not in whole


BROKEN = (
    '{"type":"RecordTransfer","exchange":"main","id":"A","currency":"USD","amount":31415.9265}',
    '{"type":"RecordTransfer","exchange":"main","id":"A","currency":"USD","amount":"31415.9265x"}',
    '{"type":"RecordTransfer","exchange":"main","id":"A","currency":"USD","amount":"1","secret":"31415.9265"}',
    '{"type":"RecordFill","exchange":"main","id":"A","symbol":"BTC/USD","side":"31415.9265","quantity":"1","price":"1"}',
    '{"type":"31415.9265"}',
    '{"type":"RecordTransfer","exchange":"main","31415.9265',
    '{"type":"SetBalances","exchange":"main","version":1,"balances":[{"currency":"USD","total":"31415.9265e99"}]}',
)


@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_line_is_not_echoed(line: str) -> None:
    """What is wrong with a message is said without its values, also in the traceback's chain."""
    with pytest.raises(MessageError) as caught:
        parse_message(line)
    assert "31415" not in "".join(traceback.format_exception(caught.value, chain=True)).replace(line, "")


def test_the_runner_s_log_drops_what_could_hold_an_amount(capsys: pytest.CaptureFixture[str]) -> None:
    """With the runner's own logging, texts of exceptions and of other libraries never reach stderr."""
    try:
        configure_logging("debug")
        try:
            Decimal("31415.9265x")
        except InvalidOperation:
            logger.bind(amount=Decimal("31415.9265"), rows=["31415.9265"]).exception("it failed")
        logging.getLogger("ccxt.base").error("the answer was 31415.9265")
        err = capsys.readouterr().err
    finally:
        logger.remove()
        logger.disable("reconcile_actors")
        logging.getLogger().handlers.clear()
    assert "31415" not in err
    assert "it failed" in err or "reported something" in err
