"""Faults by switch: for the next N requests, for a time, or until cleared; for one endpoint or all, for one user or all."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto
from threading import RLock

EVERY_ENDPOINT = "*"


class Fault(Enum):
    """What can go wrong with an answer. The first three groups end the request; the rest bend a true answer."""

    # HTTP and transport.
    HTTP_429 = auto()
    HTTP_500 = auto()
    HTTP_502 = auto()
    HTTP_503 = auto()
    HTTP_520 = auto()
    DROP = auto()
    # Status 200 with a body that is no answer.
    HTML = auto()
    EMPTY_OBJECT = auto()
    EMPTY_LIST = auto()
    EMPTY_BODY = auto()
    NULL_RESULT = auto()
    # The exchange's own errors.
    BAD_KEY = auto()
    INVALID_NONCE = auto()
    PERMISSION_DENIED = auto()
    RATE_LIMIT = auto()
    LOCKOUT = auto()
    UNAVAILABLE = auto()
    CANCEL_ONLY = auto()
    # A true answer that comes late, cut or from the past.
    SLOW = auto()
    TRUNCATED = auto()
    STALE = auto()
    LAGGING_HISTORY = auto()
    # A true answer with wrong content.
    NULL_LEGS = auto()
    ZEROED = auto()
    MISSING_ROW = auto()
    SKEWED = auto()
    NON_FINITE = auto()
    HUGE = auto()
    FORTY_DECIMALS = auto()
    COLLIDING_CODES = auto()
    JSON_NUMBERS = auto()


@dataclass(frozen=True, slots=True)
class FaultOptions:
    """How a fault is shaped; each fault reads what concerns it.

    `seconds`: delay of SLOW, age of STALE, lag of LAGGING_HISTORY, Retry-After of HTTP_429. `row`: the asset or id that MISSING_ROW
    drops and the content faults bend (default: the first row, for NULL_LEGS and ZEROED every row). `leg`: the one field that NULL_LEGS,
    NON_FINITE, HUGE and FORTY_DECIMALS bend (default: every amount of the row). `amount`: what SKEWED adds to the balance.
    `value`: what NON_FINITE writes.
    """

    seconds: float = 5.0
    row: str | None = None
    leg: str | None = None
    amount: Decimal = Decimal(1)
    value: str = "NaN"


@dataclass(frozen=True, slots=True)
class Injected:
    """One fault as it hits one request."""

    fault: Fault
    options: FaultOptions


def moment_shown(injected: tuple[Injected, ...], fault: Fault, now: float) -> float | None:
    """The moment of the past that an answer shows under STALE or LAGGING_HISTORY; None without that fault."""
    ages = [each.options.seconds for each in injected if each.fault is fault]
    return now - ages[-1] if ages else None


@dataclass(slots=True)
class _Switch:
    endpoint: str
    user: str | None
    injected: Injected
    times: int | None
    until: float | None

    def matches(self, endpoint: str, user: str | None, now: float) -> bool:
        return (
            self.endpoint in {endpoint, EVERY_ENDPOINT}
            and self.user in {user, None}
            and (self.until is None or now < self.until)
        )


class Faults:
    """The switchboard; any thread may switch. `endpoint` is a name such as `BalanceEx`, or `*` for every one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives Unix seconds, the server's own."""
        self._clock = clock
        self._lock = RLock()
        self._switches: list[_Switch] = []
        self._on_clear: list[Callable[[], None]] = []

    def next(
        self,
        endpoint: str,
        fault: Fault,
        times: int = 1,
        *,
        user: str | None = None,
        options: FaultOptions = FaultOptions(),
    ) -> None:
        """The next `times` requests suffer it."""
        self._add(_Switch(endpoint, user, Injected(fault, options), times, None))

    def during(
        self,
        endpoint: str,
        fault: Fault,
        seconds: float,
        *,
        user: str | None = None,
        options: FaultOptions = FaultOptions(),
    ) -> None:
        """Every request of the next `seconds` suffers it."""
        self._add(_Switch(endpoint, user, Injected(fault, options), None, self._clock() + seconds))

    def always(
        self,
        endpoint: str,
        fault: Fault,
        *,
        user: str | None = None,
        options: FaultOptions = FaultOptions(),
    ) -> None:
        """Every request suffers it until `clear`."""
        self._add(_Switch(endpoint, user, Injected(fault, options), None, None))

    def clear(self, endpoint: str | None = None, fault: Fault | None = None) -> None:
        """Ends the faults of that endpoint and kind (default: all), and lets requests go on that SLOW holds."""
        with self._lock:
            self._switches = [
                switch
                for switch in self._switches
                if (endpoint is not None and switch.endpoint != endpoint)
                or (fault is not None and switch.injected.fault is not fault)
            ]
            listeners = list(self._on_clear)
        for listener in listeners:
            listener()

    def take(self, endpoint: str, user: str | None) -> tuple[Injected, ...]:
        """The faults of one request, oldest switch first; counts down those that were set for a number of requests."""
        now = self._clock()
        with self._lock:
            hits = [switch for switch in self._switches if switch.matches(endpoint, user, now)]
            for switch in hits:
                if switch.times is not None:
                    switch.times -= 1
            self._switches = [
                switch
                for switch in self._switches
                if switch.times != 0 and (switch.until is None or now < switch.until)
            ]
        return tuple(switch.injected for switch in hits)

    def on_clear(self, listener: Callable[[], None]) -> None:
        """Calls `listener`, in the clearing thread, after each `clear`."""
        with self._lock:
            self._on_clear.append(listener)

    def _add(self, switch: _Switch) -> None:
        with self._lock:
            self._switches.append(switch)


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request as it arrived: Unix seconds, endpoint, whose key, its parameters without the nonce, the faults it met."""

    at: float
    endpoint: str
    user: str | None
    faults: tuple[Fault, ...]
    parameters: Mapping[str, str] = field(repr=False)


class RequestLog:
    """The last requests, oldest first; older ones are forgotten, so that a long run stays small (I12)."""

    def __init__(self, limit: int = 100_000) -> None:
        """Keeps `limit` requests."""
        self._lock = RLock()
        self._records: deque[RequestRecord] = deque(maxlen=limit)
        self._on_request: list[Callable[[RequestRecord], None]] = []
        self.total = 0

    def add(self, record: RequestRecord) -> None:
        """Appends one request."""
        with self._lock:
            self._records.append(record)
            self.total += 1
            listeners = list(self._on_request)
        for listener in listeners:
            listener(record)

    def on_request(self, listener: Callable[[RequestRecord], None]) -> None:
        """Calls `listener`, in the server's thread, as each request arrives."""
        with self._lock:
            self._on_request.append(listener)

    def of(self, endpoint: str) -> list[RequestRecord]:
        """The requests to one endpoint."""
        return [record for record in self if record.endpoint == endpoint]

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._records.clear()

    def __iter__(self) -> Iterator[RequestRecord]:
        """A snapshot, oldest first."""
        with self._lock:
            return iter(list(self._records))

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._records)
