"""A gateway with a defect that strikes when it is told to: what a bug in an adapter does to its actor."""

from collections.abc import Mapping, Sequence

from reconcile_actors.domain.movements import Movement
from reconcile_actors.domain.snapshot import Snapshot, Unreadable
from reconcile_actors.domain.valuation import Price
from reconcile_actors.exchanges.port import AdapterFacts, ExchangeGateway, GatewayFactory, History


class Defect:
    """Armed, the next read of the account fails as no read should; once."""

    def __init__(self) -> None:
        self.armed = False

    def around(self, make: GatewayFactory) -> GatewayFactory:
        """The same gateway, with the defect."""

        async def opened() -> ExchangeGateway:
            return _Defective(await make(), self)

        return opened

    def strike(self) -> None:
        """Raises ZeroDivisionError if armed."""
        if self.armed:
            self.armed = False
            raise ZeroDivisionError


class _Defective:
    def __init__(self, gateway: ExchangeGateway, defect: Defect) -> None:
        self._gateway = gateway
        self._defect = defect

    @property
    def facts(self) -> AdapterFacts:
        """As the gateway's."""
        return self._gateway.facts

    async def read(
        self, *, timeout_seconds: float, fresh: bool = False, confirming: bool = False
    ) -> Snapshot | Unreadable:
        """As the gateway's, unless the defect strikes."""
        self._defect.strike()
        return await self._gateway.read(timeout_seconds=timeout_seconds, fresh=fresh, confirming=confirming)

    async def history(self, since_at: int, *, timeout_seconds: float, confirming: bool = False) -> History:
        """As the gateway's."""
        return await self._gateway.history(since_at, timeout_seconds=timeout_seconds, confirming=confirming)

    async def enrich(self, movements: Sequence[Movement], *, timeout_seconds: float) -> Sequence[Movement]:
        """As the gateway's."""
        return await self._gateway.enrich(movements, timeout_seconds=timeout_seconds)

    async def prices(self, currencies: Sequence[str], *, timeout_seconds: float) -> Mapping[str, Price]:
        """As the gateway's."""
        return await self._gateway.prices(currencies, timeout_seconds=timeout_seconds)

    async def close(self) -> None:
        """As the gateway's."""
        await self._gateway.close()
