"""What ccxt asked and what came back, request by request; and the same again from memory, with other amounts.

Stands between a ccxt client and its transport. One unified call of ccxt may send several requests: each answer is kept until
the next call begins, because what ccxt makes of an answer is believed only as far as the answer itself shows it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

import yarl

from reconcile_actors.exchanges.transport import RECEIPT, Receipt, Transport


class NotRecordedError(Exception):
    """From memory, a request was asked for that had not been made before."""


class Response(Protocol):
    """What ccxt looks at in a response."""

    @property
    def status(self) -> int: ...

    @property
    def body(self) -> bytes: ...


@dataclass(slots=True)
class Recorded:
    """One request by method and address without query, and its answer; `body` is None until it came whole."""

    key: str = field(repr=False)
    receipt: Receipt
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _FromMemory:
    body: bytes = field(repr=False)
    headers: Mapping[str, str]
    status: int = 200
    reason: str = "OK"
    content: None = None

    async def text(self, errors: str = "strict") -> str:
        return self.body.decode("utf-8", errors)


class Recorder:
    """Quacks like the session that ccxt uses, as the transport does."""

    def __init__(self, transport: Transport) -> None:
        self.headers: dict[str, str] = {}
        self.answers: list[Recorded] = []
        self._transport = transport
        self._memory: dict[str, list[bytes]] | None = None

    def get(self, url: yarl.URL, **options: Any) -> AbstractAsyncContextManager[Response]:
        """See aiohttp; `options` are those that ccxt passes."""
        return self._send("get", url, options)

    def post(self, url: yarl.URL, **options: Any) -> AbstractAsyncContextManager[Response]:
        """See `get`."""
        return self._send("post", url, options)

    def begin(self) -> None:
        """A new call: what was kept of the last is forgotten, and requests go out."""
        self.answers, self._memory = [], None

    def begin_from_memory(self, answers: Sequence[tuple[str, bytes]]) -> None:
        """A call that sends nothing: each request is answered with the next body of its key."""
        self._memory = {}
        for key, body in answers:
            self._memory.setdefault(key, []).append(body)

    @asynccontextmanager
    async def _send(self, method: str, url: yarl.URL, options: dict[str, Any]) -> AsyncIterator[Response]:
        parts = urlsplit(str(url))
        key = f"{method} {parts.netloc}{parts.path}"
        if self._memory is not None:
            if not self._memory.get(key):
                raise NotRecordedError
            yield _FromMemory(self._memory[key].pop(0), {"Content-Type": "application/json"})
            return
        recorded = Recorded(key, Receipt())
        self.answers.append(recorded)
        token = RECEIPT.set(recorded.receipt)
        try:
            async with getattr(self._transport, method)(url, **options) as answer:
                recorded.body = answer.body
                yield answer
        finally:
            RECEIPT.reset(token)
