"""ccxt's unified `fetch_balance`, with every answer that it read; nothing is throttled, retried or loaded by ccxt.

No market list is asked for: names of currencies come from ccxt's own tables alone. Errors leave as in `ccxt_client`: a class,
a constant word and a status, chained to nothing (I7).
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from reconcile_actors.domain.snapshot import Bracket
from reconcile_actors.exchanges.ccxt_client import TRY_SECONDS
from reconcile_actors.exchanges.decoding import decode
from reconcile_actors.exchanges.failures import Verdict, by_exception, by_status
from reconcile_actors.exchanges.generic.probing import Legs
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass

if TYPE_CHECKING:
    from reconcile_actors.exchanges.generic.recording import Recorded
    from reconcile_actors.exchanges.transport import Transport

INVALID_NONCE: Final = "invalid_nonce"
_REFUSAL: Final = ["refused"]  # stands for what an exchange says when it refuses a question: that it does
_CODES_MAX: Final = 10_000
_SKEW_MS: Final = 1000  # the exchange's `Date` shows whole seconds
# A first read may ask for the kind of the account, an id or a token before its balances.
_REQUESTS_MAX: Final = 3
_NOT_CURRENCIES: Final = frozenset({"info", "timestamp", "datetime", "free", "used", "total", "debt"})
_MORE_TELLING: Final = frozenset({FailureClass.CREDENTIALS, FailureClass.RATE_LIMIT, FailureClass.MAINTENANCE})


@dataclass(frozen=True, slots=True)
class Reading:
    """What ccxt made of the answers, and the answers, decoded without floats. `digests` are the SHA-256 (hex) of their bytes."""

    result: Mapping[str, Legs] = field(repr=False)
    contents: Sequence[object] = field(repr=False)
    keys: Sequence[str] = field(repr=False)
    digests: Sequence[str]
    brackets: Sequence[Bracket]
    connection: int


class UnifiedClient:
    """One account's ccxt client. Calls go one at a time: nonces arrive in order, and answers belong to one call."""

    def __init__(self, client: Any, transport: "Transport") -> None:
        from reconcile_actors.exchanges.generic.recording import Recorder  # noqa: PLC0415 - aiohttp comes with the first client

        self._client = client
        self._transport = transport
        self._recorder = Recorder(transport)
        self._one_at_a_time = asyncio.Lock()
        self._ahead_ms = self._mended_ms = 0
        self._codes: dict[str, str] = {}
        self._options: dict[str, object] = {}
        client.session = self._recorder
        client.on_json_response = decode
        client.load_markets = _no_markets
        client.markets, client.markets_by_id, client.currencies, client.currencies_by_id = {}, {}, {}, {}
        client.options["defaultType"] = "spot"
        milliseconds, seconds, microseconds = client.milliseconds, client.seconds, client.microseconds
        client.milliseconds = lambda: milliseconds() + self._mended_ms
        client.seconds = lambda: seconds() + self._mended_ms // 1000
        client.microseconds = lambda: microseconds() + self._mended_ms * 1000

    def code_of(self, native: str) -> str:
        """The unified code of an exchange's own name of a currency, by ccxt's tables."""
        code = self._codes.get(native)
        if code is None:
            code = str(self._client.safe_currency_code(native) or "")
            if len(self._codes) < _CODES_MAX:  # an account's currencies are the same in every answer
                self._codes[native] = code
        return code

    @property
    def spacing_seconds(self) -> float:
        """What ccxt says of the exchange's limit: seconds between its cheapest requests."""
        return float(self._client.rateLimit) / 1000

    async def balance(self, *, timeout_seconds: float, fresh: bool = False) -> Reading:
        """One try. Raises ExchangeFailureError."""
        result: object = None
        problem: Verdict | None = None
        cancelled = False
        async with self._one_at_a_time:
            if fresh:
                await self._transport.renew()
            self._recorder.begin()
            self._options = dict(self._client.options)
            try:
                async with asyncio.timeout(min(timeout_seconds, _REQUESTS_MAX * TRY_SECONDS)):
                    result = await self._client.fetch_balance()
                problem = _judge(self._recorder.answers, None)
            except asyncio.CancelledError:
                cancelled = True
            except Exception as error:  # noqa: BLE001 - ccxt raises whatever a body provokes; all of it is classified
                problem = _judge(self._recorder.answers, error)
            finally:
                answers = self._recorder.answers
                self._forget()
        if cancelled:  # anew, without the frames of the request, whose locals hold the key
            raise asyncio.CancelledError
        reading = _reading(result, answers, self._transport.connection) if problem is None else problem
        if isinstance(reading, Verdict):
            self.unlearn()
            self._note_clocks(answers)
            raise _failure(reading, answers)
        return reading

    def unlearn(self) -> None:
        """What ccxt noted of the account during the last call (its kind, its id) came from answers that are not believed."""
        self._client.options.clear()
        self._client.options.update(self._options)

    async def reread(self, reading: Reading, number: int, content: object) -> Mapping[str, Legs] | None:
        """What ccxt makes of the same answers with another content of one; nothing is sent. None where it makes nothing of it."""
        contents = [*reading.contents[:number], content, *reading.contents[number + 1 :]]
        bodies = [json.dumps(one).encode() for one in contents]
        async with self._one_at_a_time:
            self._recorder.begin_from_memory(list(zip(reading.keys, bodies, strict=True)))
            try:
                return _legs(await self._client.fetch_balance())
            except Exception:  # noqa: BLE001 - a reading that fails explains nothing, whatever it failed of
                return None
            finally:
                self._forget()

    def mend_clock(self) -> None:
        """After a refused timestamp: from now on by the exchange's own clock, where that differs from ours by a second or more."""
        if abs(self._ahead_ms) >= _SKEW_MS:
            self._mended_ms = self._ahead_ms

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()
        await self._transport.close()

    def _forget(self) -> None:
        self._recorder.begin()
        self._client.last_request_headers = self._client.last_request_body = self._client.last_request_url = None

    def _note_clocks(self, answers: "Sequence[Recorded]") -> None:
        """How far the exchange's clock is ahead of ours."""
        for receipt in (one.receipt for one in answers):
            if receipt.server_at is not None:
                self._ahead_ms = (receipt.server_at + 500_000 - receipt.received_at) // 1000


async def _no_markets(*_: object, **__: object) -> dict[str, object]:
    return {}


def _reading(result: object, answers: "Sequence[Recorded]", connection: int) -> Reading | Verdict:
    legs = _legs(result)
    if legs is None:
        return Verdict(FailureClass.BAD_DATA, "result_not_text")
    try:
        contents = [
            _REFUSAL if one.receipt.status != 200 else decode((one.body or b"").decode("utf-8")) for one in answers
        ]
    except (ValueError, RecursionError):
        return Verdict(FailureClass.BAD_DATA, "not_json")
    return Reading(
        result=legs,
        contents=contents,
        keys=[one.key for one in answers],
        digests=[one.receipt.digest for one in answers],
        brackets=[_bracket(one) for one in answers],
        connection=connection,
    )


def _bracket(answer: "Recorded") -> Bracket:
    receipt = answer.receipt
    return Bracket(receipt.requested_us, receipt.received_us, receipt.requested_at, receipt.received_at)


def _legs(result: object) -> dict[str, Legs] | None:
    """Every currency of a unified result; None where it is none, or where an amount is no text."""
    if not isinstance(result, dict):
        return None
    legs: dict[str, Legs] = {}
    for code, row in result.items():
        if code in _NOT_CURRENCIES:
            continue
        texts = [row.get(leg) for leg in ("free", "used", "total", "debt")] if isinstance(row, dict) else [0]
        if not isinstance(code, str) or not all(text is None or isinstance(text, str) for text in texts):
            return None
        legs[code] = Legs(*texts)
    return legs


def _judge(answers: "Sequence[Recorded]", error: Exception | None) -> Verdict | None:
    """The status of the first bad answer counts before what ccxt made of it, unless that says more than a refusal."""
    own = None if error is None else _by_error(error)
    for answer in answers:
        if answer.receipt.status is None:
            return own or Verdict(FailureClass.BAD_DATA, "no_response")
        verdict = by_status(answer.receipt.status)
        if verdict is not None and not (error is None and _is_answer(answer, answers[-1])):
            says_more = own is not None and (own.failure in _MORE_TELLING or own.code == INVALID_NONCE)
            return own if says_more and verdict.code == "http_refused" else verdict
    if own is None and not answers:
        return Verdict(FailureClass.BAD_DATA, "no_response")
    return own


def _is_answer(answer: "Recorded", last: "Recorded") -> bool:
    """Whether a refused request, with which ccxt went on, told something: that the account is of another kind (Bitget)."""
    return answer.receipt.status == 400 and last is not answer


def _by_error(error: Exception) -> Verdict:
    names = {kind.__name__ for kind in type(error).__mro__}
    if "InvalidNonce" in names:
        return Verdict(FailureClass.TRANSIENT, INVALID_NONCE)
    if "NotSupported" in names:
        return Verdict(FailureClass.CONFIGURATION, "not_supported")
    return by_exception(error)


def _failure(verdict: Verdict, answers: "Sequence[Recorded]") -> ExchangeFailureError:
    receipt = answers[-1].receipt if answers else None
    return ExchangeFailureError(
        verdict.failure,
        verdict.code,
        http_status=receipt.status if receipt is not None else None,
        retry_after_seconds=receipt.retry_after_seconds if receipt is not None else None,
    )
