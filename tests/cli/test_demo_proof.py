"""The proof can fail: one event or one figure that is not what it should be is found, whatever the question."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from aiohttp import web

from cli.compute import cells_of, figures_of, reader_of
from cli.demo_proof import Proof, prove
from kpis.query import Query
from kpis.window import READ_MARGIN_MS
from schemas.canonical import event_from, rfc3339
from schemas.events import Event
from services.api.declared import entry_of
from services.api.questions import Known, figures_query
from services.settings import Settings

NOW_MS = 1_767_609_000_000
SETTINGS = Settings()
"""The settings of both sides."""


def _tape() -> list[Event]:
    """Forty tickets of the last two hours, one each three minutes, every second one answered and solved."""
    outside: list[dict[str, Any]] = []
    for i in range(40):
        at_ms = NOW_MS - i * 180_000 - 60_000
        ticket = {"ticket_id": f"t{i}", "channel": ("email", "chat")[i % 2], "team": ("billing", "returns", "orders")[i % 3]}
        outside.append({"type": "ticket.created", "id": f"c{i}", "occurred_at": rfc3339(at_ms), "customer_id": f"k{i % 7}", **ticket})
        if i % 2:
            outside.append(
                {
                    "type": "ticket.public_reply",
                    "id": f"r{i}",
                    "occurred_at": rfc3339(at_ms + 20_000),
                    "ticket_id": f"t{i}",
                    "message_id": f"m{i}",
                }
            )
            outside.append({"type": "ticket.solved", "id": f"s{i}", "occurred_at": rfc3339(at_ms + 50_000), "ticket_id": f"t{i}"})
    return [event_from(event, source="desk", received_at_ms=NOW_MS)[0] for event in outside]


async def _proof(served_from: Sequence[Event], computed_from: Sequence[Event], spoil: bool = False) -> Proof:
    board = figures_of(served_from, SETTINGS, now_ms=NOW_MS + 45_000)
    entries = [entry_of(kpi) for kpi in board.kpis.values()]

    async def catalogue(request: web.Request) -> web.Response:
        return web.json_response({"kpis": entries})

    async def figures(request: web.Request) -> web.Response:
        found = msgspec.to_builtins(board.read(figures_query(list(request.query.items()), Known(entries))))
        if spoil and len(found) > 100:
            found[-1]["n"] += 1
        return web.json_response({"figures": found})

    app = web.Application()
    app.router.add_get("/v1/kpis", catalogue)
    app.router.add_get("/v1/figures", figures)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        cells = cells_of(computed_from, SETTINGS, NOW_MS)  # once, a little before all answers
        pairs = SETTINGS.dimensions.pairs
        return await asyncio.to_thread(prove, url, computed_from, lambda at_ms: reader_of(cells, SETTINGS, at_ms), pairs, lambda n: None)
    finally:
        await runner.cleanup()


async def test_the_same_events_give_the_same_figures() -> None:
    proof = await _proof(_tape(), _tape()[::-1])
    assert proof.differences == []
    assert proof.compared > 1000


@pytest.mark.parametrize("which", range(0, 80, 13))
async def test_one_event_that_is_missing_is_found(which: int) -> None:
    events = _tape()
    assert (await _proof(events, events[:which] + events[which + 1 :])).differences


async def test_one_event_at_another_time_is_found() -> None:
    events = _tape()
    moved = [msgspec.structs.replace(e, occurred_at_ms=e.occurred_at_ms + 1_000) if e.id == "s5" else e for e in events]
    found = (await _proof(events, moved)).differences
    assert "full_resolution_time" in {difference.kpi for difference in found}


async def test_one_figure_that_is_off_by_one_is_found() -> None:
    found = (await _proof(_tape(), _tape(), spoil=True)).differences
    assert {difference.field for difference in found} == {"n"}


def test_cells_of_an_instant_serve_readers_of_the_minutes_after_it() -> None:
    events = _tape()
    cells, everything = cells_of(events, SETTINGS, NOW_MS), Query(kpis=())
    for later_ms in (0, 1, 59_999, 200_000, READ_MARGIN_MS):
        at_ms = NOW_MS + later_ms
        assert reader_of(cells, SETTINGS, at_ms).read(everything) == figures_of(events, SETTINGS, now_ms=at_ms).read(everything)
