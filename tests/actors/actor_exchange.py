"""A scripted exchange account for actor tests: it tells the truth of its ledger unless a script says otherwise.

Its gateways wait on the deterministic host's virtual loop: no second passes.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TypeAlias

from reconcile_actors.domain.balances import Balance, Field, Leg
from reconcile_actors.domain.movements import Movement, MovementType, fill_effects
from reconcile_actors.domain.snapshot import Bracket, Snapshot, UnknownReason, Unreadable
from reconcile_actors.domain.valuation import Price
from reconcile_actors.exchanges.port import AdapterFacts, ExchangeFailureError, FailureClass, History
from reconcile_actors.kernel.clock import Clock
from reconcile_actors.messages.wire import to_us

FACTS = AdapterFacts(
    lag_seconds=1.0,
    authoritative=frozenset({Field.TOTAL, Field.LOCKED}),
    zeros_omitted=False,
    fee_reserve=Decimal("0.005"),
    poll_seconds=1.0,
    history_seconds=3.0,
    detection_seconds=3.0,
    tier="pro",
)
HANG = float("inf")
Answer: TypeAlias = "UnknownReason | BaseException | float | Callable[[Snapshot], Snapshot]"


def failure(kind: FailureClass, code: str = "made_up", retry_after: float | None = None) -> ExchangeFailureError:
    """A failure as gateways raise it."""
    return ExchangeFailureError(kind, code, retry_after_seconds=retry_after)


class Exchange:
    """One account as it truly is, with the gateways that were opened on it."""

    def __init__(self, name: str, clock: Clock, holdings: Mapping[str, str]) -> None:
        self.name = name
        self.clock = clock
        self.holdings = {currency: Decimal(amount) for currency, amount in holdings.items()}
        self.movements: list[Movement] = []
        self.quotes: dict[str, str] = {}
        self.facts = FACTS
        self.latency_seconds = 0.02
        self.script: deque[Answer] = deque()
        """What the next reads meet; a number is seconds that the read takes."""
        self.always: Answer | None = None
        """What every read meets while the script is empty."""
        self.history_script: deque[BaseException | float] = deque()
        self.history_always: BaseException | None = None
        self.price_script: deque[BaseException | float] = deque()
        self.enrich_script: deque[BaseException] = deque()
        self.opening_script: deque[BaseException] = deque()
        self.gateways: list[Gateway] = []
        self.locked: dict[str, Decimal] = {}
        self.reads = 0
        self.looks: list[int] = []
        self.fresh_reads = 0

    # --- what happens at the exchange

    def move(self, id_: str, effects: Mapping[str, str], type_: MovementType = MovementType.TRANSFER) -> Movement:
        """Something that history names."""
        legs = {Leg("spot", currency, Field.TOTAL): Decimal(amount) for currency, amount in effects.items()}
        return self._book(Movement(self.name, "spot", type_, id_, legs, occurred_at=self.now_at))

    def fill(
        self, id_: str, side: str, quantity: str, price: str, fee: str = "0", *, symbol: str = "BTC/USD"
    ) -> Movement:
        """A fill with its fee in USD."""
        effects = fill_effects(
            "spot", symbol, side, Decimal(quantity), Decimal(price), fee_currency="USD", fee=Decimal(fee)
        )
        return self._book(
            Movement(
                self.name,
                "spot",
                MovementType.FILL,
                id_,
                effects,
                instrument=symbol,
                side=side,
                occurred_at=self.now_at,
            )
        )

    def glitch(self, currency: str, amount: str) -> None:
        """A change that no history names."""
        self.holdings[currency] = self.holdings.get(currency, Decimal(0)) + Decimal(amount)

    def _book(self, movement: Movement) -> Movement:
        for leg, amount in movement.effects.items():
            self.holdings[leg.currency] = self.holdings.get(leg.currency, Decimal(0)) + amount
        self.movements.append(movement)
        return movement

    @property
    def now_at(self) -> int:
        """UTC us."""
        return to_us(self.clock.utc())

    @property
    def now_us(self) -> int:
        """Monotonic us."""
        return int(self.clock.monotonic() * 1_000_000)

    # --- how it is reached

    async def open(self) -> Gateway:
        """A new gateway."""
        if self.opening_script:
            raise self.opening_script.popleft()
        gateway = Gateway(self, len(self.gateways) + 1)
        self.gateways.append(gateway)
        return gateway

    @property
    def open_gateways(self) -> int:
        """How many nobody has closed."""
        return sum(not one.closed for one in self.gateways)


class Gateway:
    """Fulfils `ExchangeGateway`."""

    def __init__(self, exchange: Exchange, number: int) -> None:
        self._exchange = exchange
        self._connection = number * 1000
        self.closed = False
        self.close_seconds = 0.0

    @property
    def facts(self) -> AdapterFacts:
        """See the port."""
        return self._exchange.facts

    async def read(
        self, *, timeout_seconds: float, fresh: bool = False, confirming: bool = False
    ) -> Snapshot | Unreadable:
        """See the port."""
        world = self._exchange
        assert not self.closed
        assert 0 < timeout_seconds <= 30
        world.reads += 1
        world.fresh_reads += fresh
        self._connection += fresh
        requested = world.now_us, world.now_at
        answer = world.script.popleft() if world.script else world.always
        if isinstance(answer, float):
            await asyncio.sleep(min(answer, 1e9))
            answer = None
        await asyncio.sleep(world.latency_seconds / 2)
        if isinstance(answer, BaseException):
            raise answer
        snapshot = self._snapshot(requested)
        await asyncio.sleep(world.latency_seconds / 2)
        bracket = Bracket(requested[0], world.now_us, requested[1], world.now_at)
        if isinstance(answer, UnknownReason):
            return Unreadable(world.name, "balances", bracket, answer, "made_up_detail")
        snapshot = replace(snapshot, bracket=bracket)
        return snapshot if answer is None else answer(snapshot)

    def _snapshot(self, requested: tuple[int, int]) -> Snapshot:
        world = self._exchange
        balances = {
            ("spot", currency): Balance(currency, total, None, world.locked.get(currency, Decimal(0)))
            for currency, total in sorted(world.holdings.items())
        }
        text = repr(sorted((currency, str(total)) for currency, total in world.holdings.items()))
        text += repr(sorted((currency, str(amount)) for currency, amount in world.locked.items()))
        return Snapshot(
            exchange=world.name,
            group="balances",
            bracket=Bracket(requested[0], requested[0], requested[1], requested[1]),
            balances=balances,
            positions={},
            digest=hashlib.sha256(text.encode()).hexdigest(),
            raw_digest=hashlib.sha256(b"raw" + text.encode()).hexdigest(),
            connection=self._connection,
        )

    async def history(self, since_at: int, *, timeout_seconds: float, confirming: bool = False) -> History:
        """See the port."""
        world = self._exchange
        assert not self.closed
        assert timeout_seconds > 0
        world.looks.append(since_at)
        step: BaseException | float | None = world.history_always
        if world.history_script:
            step = world.history_script.popleft()
        if isinstance(step, float):
            await asyncio.sleep(min(step, 1e9))
        elif step is not None:
            raise step
        found = [one for one in world.movements if (one.occurred_at or 0) >= since_at]
        through_at = world.now_at
        await asyncio.sleep(world.latency_seconds)
        return History(found, since_at, through_at)

    async def enrich(self, movements: Sequence[Movement], *, timeout_seconds: float) -> Sequence[Movement]:
        """See the port."""
        world = self._exchange
        assert timeout_seconds > 0
        if world.enrich_script:
            raise world.enrich_script.popleft()
        await asyncio.sleep(world.latency_seconds)
        return [replace(one, order_id="O-OF-THE-EXCHANGE") for one in movements]

    async def prices(self, currencies: Sequence[str], *, timeout_seconds: float) -> Mapping[str, Price]:
        """See the port."""
        world = self._exchange
        assert timeout_seconds > 0
        if world.price_script:
            step = world.price_script.popleft()
            if isinstance(step, BaseException):
                raise step
            await asyncio.sleep(min(step, 1e9))
        await asyncio.sleep(world.latency_seconds)
        return {
            one: Price(Decimal(world.quotes[one]), "ticker", world.now_at) for one in currencies if one in world.quotes
        }

    async def close(self) -> None:
        """See the port."""
        if self.close_seconds:
            await asyncio.sleep(min(self.close_seconds, 1e9))
        self.closed = True
