"""Requests answered from memory: nothing is sent, and nothing is made up."""

import asyncio

import pytest
import yarl

from reconcile_actors.exchanges.clocks import Clocks
from reconcile_actors.exchanges.generic.recording import NotRecordedError, Recorder
from reconcile_actors.exchanges.transport import Transport

BALANCES = yarl.URL("https://api.example.com/v1/balances?nonce=1")


async def asked(recorder: Recorder, url: yarl.URL = BALANCES) -> str:
    async with recorder.get(url) as answer:
        assert answer.status == 200
        return answer.body.decode()


def test_answers_come_in_their_order_by_address() -> None:
    """The same address is answered as often as it was, whatever its query; another method or path never was asked."""
    recorder = Recorder(Transport(Clocks(), base_url=None, proxy=None, tls=None))
    key = "get api.example.com/v1/balances"

    async def main() -> list[str]:
        recorder.begin_from_memory([(key, b"first"), (key, b"second")])
        got = [await asked(recorder), await asked(recorder, BALANCES.with_query(nonce=2))]
        for url in (BALANCES, BALANCES.with_path("/v1/other")):
            with pytest.raises(NotRecordedError):
                await asked(recorder, url)
        with pytest.raises(NotRecordedError):
            async with recorder.post(BALANCES):
                pass
        return got

    assert asyncio.run(main()) == ["first", "second"]
    assert recorder.answers == []
