"""Nothing that the generic gateway says or raises holds a key, a body, an address or an amount (I7), even with locals shown."""

import asyncio
from collections.abc import Iterator

import pytest
from loguru import logger

from reconcile_actors.domain.snapshot import Unreadable
from reconcile_actors.exchanges.port import ExchangeFailureError
from tests.contracts.generic_desk import API_KEY, PASSWORD, SECRET, desk
from tests.contracts.test_kraken_gateway_leaks import with_locals

AMOUNT = "13579.2468"
ROW = f'{{"currency": "btc", "total": "{AMOUNT}", "available": "{AMOUNT}", "reserved": "0"}}'
NULL_ROW = ROW.replace(f'"total": "{AMOUNT}"', '"total": null')
NAN_ROW = ROW.replace("btc", "eth").replace(AMOUNT, "NaN")
NEGATIVE_ROW = ROW.replace(AMOUNT, f"-{AMOUNT}")
# htx signs in the query: its time-outs name the key in ccxt's own text. Bitstamp signs in headers.
EXCHANGES = ("bitstamp", "htx", "okx", "bitfinex")
ANSWERS: dict[str, tuple[int, str]] = {
    "refused": (401, '{"code": "API0005", "reason": "signature"}'),
    "banned": (403, f"<html>{API_KEY}</html>"),
    "busy": (429, f"[{ROW}]"),
    "down": (503, f"[{ROW}]"),
    "html": (200, f"<html>{AMOUNT}</html>"),
    "cut off": (200, f"[{ROW}, "),
    "null leg": (200, f"[{NULL_ROW}]"),
    "twice": (200, f"[{ROW}, {ROW}]"),
    "not finite": (200, f"[{ROW}, {NAN_ROW}]"),
    "negative": (200, f"[{NEGATIVE_ROW}]"),
    "an error text": (200, f'{{"status": "error", "code": "x", "reason": "{API_KEY} {AMOUNT}"}}'),
}


@pytest.fixture
def said() -> Iterator[list[str]]:
    """Everything that is logged, with its variables."""
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level="DEBUG", format="{message} {extra}", diagnose=True)
    yield lines
    logger.remove(sink)


@pytest.mark.parametrize("exchange_id", EXCHANGES)
def test_no_answer_makes_it_speak(exchange_id: str, said: list[str]) -> None:
    """Whatever the exchange answers, errors, results and logs tell a class, a word and a status."""

    async def main() -> list[str]:
        told = []
        async with desk() as one:
            gateway = await one.gateway(exchange_id)
            for status, text in ANSWERS.values():
                one.say.status, one.say.text = status, text
                one.time.advance(600)
                try:
                    got = await gateway.read(timeout_seconds=5)
                    assert isinstance(got, Unreadable)
                    told.append(f"{got!r}")
                except ExchangeFailureError as error:
                    logger.exception("a read failed")
                    told.append(with_locals(error))
            one.url = "http://127.0.0.1:9"
            unreachable = await one.gateway(exchange_id)
            try:
                await unreachable.read(timeout_seconds=5)
            except ExchangeFailureError as error:
                told.append(with_locals(error))
        return told

    told = asyncio.run(main())
    assert len(told) == len(ANSWERS) + 1
    everything = "\n".join([*told, *said])
    for secret in (API_KEY, SECRET, PASSWORD, "13579.24", "Signature", "https://", "127.0.0.1"):
        assert secret not in everything, secret
