"""What a scrape is answered with: families computed beside the requests, at most once a second, rendered when asked.

Laws: no scrape waits for figures while scrapes come regularly; the figures are never older than `STALE_SECONDS`; computing
takes at most a twentieth of one core and gives way to other work between two KPIs.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from kpis.query import Query, Unanswerable
from schemas.figures import Figure
from services.api import histograms, metrics
from services.api.exposition import Exposition, Family, Rendered
from services.api.ports import Figures

LEAST_PAUSE_SECONDS = 1.0
SHARE_OF_A_CORE = 0.05
STALE_SECONDS = 30.0
FORGET_SECONDS = 300.0
"""Without a scrape for so long nothing is computed any more."""
_log = logging.getLogger(__name__)


class Scrape:
    """One exposition (`agents` for the one by agent) of a board."""

    def __init__(
        self,
        board: Figures,
        version: str,
        *,
        agents: bool = False,
        clients: Callable[[], int] = lambda: 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._board = board
        self._version = version
        self._agents = agents
        self._clients = clients
        self._clock = clock
        self._exposition = Exposition()
        self._rendered: list[Rendered] = []
        self._suppressed: dict[str, int] = {}
        self._computed_at = -STALE_SECONDS
        self._scraped_at = 0.0
        self._task: asyncio.Task[None] | None = None
        self._computing = asyncio.Lock()
        self._refused: set[str] = set()
        self._titles = {str(entry["id"]): str(entry["title"]) for entry in board.catalogue()}

    async def text(self, *, openmetrics: bool = False) -> bytes:
        """The exposition as of the newest snapshot. Computes one first only when there is none that is fresh enough."""
        self._scraped_at = self._clock()
        if self._scraped_at - self._computed_at > STALE_SECONDS:
            async with self._computing:
                if self._clock() - self._computed_at > STALE_SECONDS:
                    await self._compute()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._keep_fresh(), name="exposition")
        families: list[Family | Rendered] = [*self._rendered]
        if self._agents:
            families.append(metrics.suppressed_family(self._suppressed))
        else:
            fresh, now_ms = self._board.freshness(), self._board.wall_ms()
            counted = self._board.counted()
            spans, lacking = histograms.families(counted, self._titles, self._board.now_ms())
            families += metrics.freshness_families(fresh, {**self._suppressed, **lacking}, self._version, self._clients(), now_ms)
            families += [*metrics.tally_families(counted.counters), *spans]
        return self._exposition.render(families, openmetrics=openmetrics)

    async def close(self) -> None:
        """Ends the work beside the requests."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _keep_fresh(self) -> None:
        version, cost = self._board.freshness().version, 0.0
        while self._clock() - self._scraped_at < FORGET_SECONDS:
            await asyncio.sleep(max(LEAST_PAUSE_SECONDS, cost / SHARE_OF_A_CORE))
            # rolling windows move without any change, so that a quiet board is computed again too, only less often
            with suppress(TimeoutError):
                async with asyncio.timeout(STALE_SECONDS / 3):
                    version = await self._board.changed(version)
            started = self._clock()
            async with self._computing:
                await self._compute()
            cost = self._clock() - started

    async def _compute(self) -> None:
        asked: list[tuple[metrics.Exposed, list[Figure]]] = []
        async for one, figures in self._answers():
            asked.append((one, figures))
        build = metrics.agent_families if self._agents else metrics.figure_families
        families, self._suppressed = build(asked)
        self._rendered = [self._exposition.rendered(family) for family in families]
        self._computed_at = self._clock()

    async def _answers(self) -> AsyncIterator[tuple[metrics.Exposed, list[Figure]]]:
        catalogue = self._board.catalogue()
        dimensions = {str(entry["id"]): entry.get("dimensions", ()) for entry in catalogue}
        for one in metrics.exposed(catalogue):
            if self._agents:
                if "agent" not in dimensions[one.kpi]:
                    continue
                window = metrics.AGENT_WINDOW if metrics.AGENT_WINDOW in one.windows else one.windows[-1]
                queries = [Query(kpis=(one.kpi,), windows=(window,), by=("agent",))]
            else:
                queries = list(metrics.questions(one))
            figures: list[Figure] = []
            for query in queries:
                figures += self._answer(query)
                await asyncio.sleep(0)
            yield one, figures

    def _answer(self, query: Query) -> list[Figure]:
        try:
            return self._board.figures(query)
        except Unanswerable as error:
            if (text := str(error)) not in self._refused:  # said once, not at every scrape
                self._refused.add(text)
                _log.warning("not exposed: %s", text)
            return []
