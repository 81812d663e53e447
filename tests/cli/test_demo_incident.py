"""The demonstration believes that its incident was found only when it is told with its cause, and says so when it is not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from aiohttp import web

from cli.app import run
from cli.company import incident
from cli.demo_incident import PLANTED, NotFound, found
from schemas.spikes import Spike, SpikeCause
from tests.cli.test_demo import answering

LONG_AGO = 1_000_000.0


def _spike(kpi: str = incident.KPI, *causes: dict[str, str]) -> dict[str, Any]:
    told = Spike(
        id=f"{kpi}@2026-01-05T10:30:00.000Z", kpi=kpi, watch="escalation", title="Escalations are unusually high", dims={}, window="5m",
        since="2026-01-05T10:30:00.000Z", opened_at="2026-01-05T10:30:20.000Z", state="open", observed=12, expected=0.4, usual_low=0,
        usual_high=2, unit="tickets", surprise=7.0, once_in_seconds=1e9,
        causes=[SpikeCause(dims=dims, observed=12, expected=0.1, share=1.0, surprise=9.0) for dims in causes],
    )  # fmt: skip
    found: dict[str, Any] = msgspec.to_builtins(told)
    return found


def _answers(*spikes: list[dict[str, Any]] | int) -> Callable[[web.Request], Any]:
    """One answer after the other, the last for ever; a number is a status without a body."""
    left = list(spikes)

    async def answer(request: web.Request) -> web.Response:
        now = left.pop(0) if len(left) > 1 else left[0]
        return web.Response(status=now) if isinstance(now, int) else web.json_response({"spikes": now})

    return answer


@pytest.mark.parametrize(
    "first",
    [
        pytest.param([], id="nothing"),
        pytest.param(503, id="the API is being started again"),
        pytest.param([_spike()], id="no cause"),
        pytest.param([_spike("issues_created", PLANTED)], id="another KPI"),
        pytest.param([_spike(incident.KPI, {"channel": "chat"}, PLANTED)], id="another cause first"),
        pytest.param([_spike(incident.KPI, {**PLANTED, "team": "technical"})], id="another team"),
    ],
)
async def test_only_the_planted_cause_is_the_incident(first: list[dict[str, Any]] | int) -> None:
    right = [_spike("issues_created"), _spike(incident.KPI, PLANTED, {"issue_type": "question"})]
    async with answering("/v1/spikes", _answers(first, right)) as url:
        assert (await found(url, time.time() + 30)).causes[0].dims == PLANTED
    async with answering("/v1/spikes", _answers(first)) as url:
        with pytest.raises(NotFound, match="chat × billing were planted, and"):
            await found(url, time.time() + 0.2)


async def test_after_the_deadline_nothing_is_asked_any_more() -> None:
    with pytest.raises(NotFound):
        await found("http://127.0.0.1:9", LONG_AGO)


def test_another_speed_is_refused_since_it_would_be_unusual_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--incident", "--speed", "3"]) == 2
    assert "unusual by itself" in " ".join(capsys.readouterr().err.split())
