"""What the tests of this room share: time that passes only when told to, and a client that answers from a script."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reconcile_actors.domain.snapshot import Bracket
from reconcile_actors.exchanges.ccxt_client import Answer
from reconcile_actors.exchanges.clocks import Clocks
from reconcile_actors.exchanges.decoding import decode
from reconcile_actors.exchanges.port import ExchangeFailureError

START_US = 1_000_000_000
START_AT = 1_700_000_000_000_000
SECRET = "c2VjcmV0LWNhbmFyeS1zZWNyZXQ="


@dataclass
class VirtualTime:
    """`slept` lists the pauses in seconds; sleeping moves both clocks."""

    passed_us: int = 0
    slept: list[float] = field(default_factory=list)

    def advance(self, seconds: float) -> None:
        self.passed_us += round(seconds * 1e6)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)

    @property
    def clocks(self) -> Clocks:
        return Clocks(lambda: START_US + self.passed_us, lambda: START_AT + self.passed_us, self.sleep)


@dataclass
class Call:
    """One call that the fake client saw."""

    method: str
    params: Mapping[str, object]
    fresh: bool
    private: bool


Step = Callable[[Call], object] | ExchangeFailureError | str | dict[str, object]


class FakeClient:
    """Answers calls from a script of JSON texts, values, functions and failures; the last step repeats."""

    def __init__(self, time: VirtualTime, *script: Step) -> None:
        self.time = time
        self.script = list(script)
        self.calls: list[Call] = []
        self.nonces_skipped = 0
        self.closed = False
        self.connection = 1

    async def call(
        self,
        method: str,
        params: Mapping[str, object],
        *,
        timeout_seconds: float,
        fresh: bool = False,
        private: bool = True,
        remember: bool = False,
    ) -> Answer:
        call = Call(method, dict(params), fresh, private)
        self.calls.append(call)
        self.connection += fresh
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, ExchangeFailureError):
            raise step
        content = step(call) if callable(step) else step
        text = content if isinstance(content, str) else json.dumps(content)
        requested = self.time.clocks.monotonic_us(), self.time.clocks.utc_us()
        self.time.advance(0.01)
        received = self.time.clocks.monotonic_us(), self.time.clocks.utc_us()
        bracket = Bracket(requested[0], received[0], requested[1], received[1])
        return Answer(decode(text), str(hash(text)), bracket, self.connection, None)

    def skip_nonces(self) -> None:
        self.nonces_skipped += 1

    async def close(self) -> None:
        self.closed = True


def result(value: object) -> dict[str, object]:
    """A Kraken answer without errors."""
    return {"error": [], "result": value}


def balances(**rows: tuple[str, str]) -> dict[str, object]:
    """A BalanceEx answer: asset -> (balance, hold); `_` in an asset stands for a dot."""
    return result(
        {asset.replace("_", "."): {"balance": total, "hold_trade": hold} for asset, (total, hold) in rows.items()}
    )


def ledger_row(
    at: str, asset: str, amount: str, *, refid: str, kind: str = "trade", fee: str = "0", subtype: str = ""
) -> dict[str, object]:
    """One raw ledger row; `at` is seconds as text, sent as a JSON number would be decoded."""
    return {
        "refid": refid,
        "time": at,
        "type": kind,
        "subtype": subtype,
        "aclass": "currency",
        "asset": asset,
        "amount": amount,
        "fee": fee,
        "balance": "0",
    }
