"""The newest report of each account, for `GET /api/v1/reports`."""

import asyncio
from typing import Self

from reconcile_actors.console.port import ConsoleSystem
from reconcile_actors.domain.report import ReconciliationReport
from reconcile_actors.messages import ReconciliationCompleted


class LatestReports:
    """Follows the system's events while it is entered (`async with`). Holds one report an account, so it is bounded."""

    def __init__(self, system: ConsoleSystem) -> None:
        self._system = system
        self._reports: dict[str, ReconciliationReport] = {}
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        async for event in self._system.events(ReconciliationCompleted):
            if isinstance(event, ReconciliationCompleted):
                self._reports[event.report.exchange] = event.report

    def of(self, exchange: str | None = None) -> list[ReconciliationReport]:
        """Newest reports in the configuration's order, of one account or all; accounts without one are left out."""
        names = self._system.settings.exchanges if exchange is None else [exchange]
        return [self._reports[name] for name in names if name in self._reports]
