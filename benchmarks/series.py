"""How long does a large question to the API take, and for how long at a stretch does it keep the loop from everything else? Aim: 50 ms.

The board holds two weeks of a company (8 channels, 6 teams, 40 agents; its nights and weekends). Each question goes through the whole
application, in process, while a heartbeat notes how long the loop was not its own.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import time
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from typing import Any, NamedTuple

import httpx
import uvloop

from kpis import batch
from kpis.folding import Folded
from kpis.window import DAY, HOUR, MINUTE, Levels, Zone
from schemas import events as ev
from schemas.canonical import rfc3339
from schemas.cells import Late
from schemas.events import Event
from services.api.app import create_app
from services.api.board import Board
from services.settings import Settings

CHANNELS = ("email", "chat", "phone", "web", "social", "sms", "app", "letter")
TEAMS = ("billing", "returns", "technical", "sales", "onboarding", "vip")
AGENTS = tuple((f"agent-{number:02d}", TEAMS[number % len(TEAMS)]) for number in range(40))
ISSUES = tuple(f"issue-{number}" for number in range(6))
NOW_MS = 1_795_348_800_000
"""A Sunday at noon, UTC."""
DAYS = 14
TICKETS_A_DAY = 700
AIM_MS = 50.0
_BEAT_SECONDS = 0.001


class Asked(NamedTuple):
    """One question."""

    about: str
    path: str
    given: dict[str, Any]


def _span(days: float) -> dict[str, str]:
    return {"from": rfc3339(NOW_MS - round(days * DAY)), "to": rfc3339(NOW_MS)}


QUESTIONS = (
    Asked("count, total", "/v1/series", {"kpi": "issues_created", "step": "1h", **_span(14)}),
    Asked("count by channel,team", "/v1/series", {"kpi": "issues_created", "step": "1h", "by": "channel,team", **_span(14)}),
    Asked("count by channel,team, 60 days asked", "/v1/series", {"kpi": "issues_created", "step": "1h", "by": "channel,team", **_span(59)}),
    Asked("share by channel,team", "/v1/series", {"kpi": "one_touch_rate", "step": "1h", "by": "channel,team", **_span(14)}),
    Asked("duration, total", "/v1/series", {"kpi": "first_reply_time", "step": "1h", **_span(14)}),
    Asked("duration by channel", "/v1/series", {"kpi": "first_reply_time", "step": "1h", "by": "channel", **_span(14)}),
    Asked("duration by agent (no sketch)", "/v1/series", {"kpi": "first_reply_time", "step": "1h", "by": "agent", **_span(14)}),
    Asked("gauge by channel,team", "/v1/series", {"kpi": "active_issues", "step": "1h", "by": "channel,team", **_span(14)}),
    Asked("cohort by channel", "/v1/series", {"kpi": "resolved_within_24h", "step": "1h", "by": "channel", **_span(14)}),
    Asked("young cohort by channel", "/v1/series", {"kpi": "resolution_rate", "step": "1h", "by": "channel", **_span(14)}),
    Asked("young cohort by channel,team", "/v1/series", {"kpi": "resolution_rate", "step": "1h", "by": "channel,team", **_span(14)}),
    Asked("answers by team", "/v1/series", {"kpi": "csat_score", "step": "1h", "by": "team", **_span(14)}),
    Asked("four hours by the minute, by channel", "/v1/series", {"kpi": "first_reply_time", "step": "1m", "by": "channel", **_span(1 / 6)}),
    Asked("figures: all", "/v1/figures", {}),
    Asked("figures: all by channel", "/v1/figures", {"kpi": "*channel", "by": "channel"}),
    Asked("figures: all by channel,team", "/v1/figures", {"kpi": "*channel,team", "by": "channel,team"}),
)  # fmt: skip


def tickets(rng: Random, a_day: int = TICKETS_A_DAY) -> Iterator[Event]:
    """Two weeks of tickets and calls, each to its end; busy at noon of a weekday."""
    start = NOW_MS - DAYS * DAY
    for i in range(DAYS * a_day):
        at = start + round(rng.betavariate(2.5, 2.5) * DAY) + rng.choices(range(DAYS), [0.35, *[1] * 5, 0.35] * (DAYS // 7))[0] * DAY
        said = {"channel": rng.choice(CHANNELS), "priority": rng.choice(("low", "normal", "high")), "issue_type": rng.choice(ISSUES)}
        agent, team = rng.choice(AGENTS)
        said |= {"team": team, "customer_id": f"c-{rng.randrange(6000)}", "source": "benchmark"}
        yield from (
            event for event in (_call if said["channel"] == "phone" else _ticket)(rng, i, at, agent, said) if event.occurred_at_ms < NOW_MS
        )


def _ticket(rng: Random, i: int, at: int, agent: str, said: dict[str, Any]) -> Iterator[Event]:
    number = 0

    def next_id() -> str:
        nonlocal number
        number += 1
        return f"t{i}-{number}"

    name = f"t{i}"
    yield ev.TicketCreated(id=next_id(), occurred_at_ms=at, ticket_id=name, **said)
    at += round(rng.lognormvariate(3.4, 1.1) * MINUTE)
    yield ev.TicketPublicReply(id=next_id(), occurred_at_ms=at, ticket_id=name, message_id=f"a{i}", agent_id=agent, source="benchmark")
    if rng.random() < 0.5:
        at += round(rng.lognormvariate(4, 1) * MINUTE)
        yield ev.TicketCustomerMessage(id=next_id(), occurred_at_ms=at, ticket_id=name, message_id=f"b{i}", source="benchmark")
        at += round(rng.lognormvariate(3, 1) * MINUTE)
        yield ev.TicketPublicReply(id=next_id(), occurred_at_ms=at, ticket_id=name, message_id=f"c{i}", agent_id=agent, source="benchmark")
    if rng.random() < 0.08:
        at += 5 * MINUTE
        yield ev.TicketEscalated(
            id=next_id(), occurred_at_ms=at, ticket_id=name, kind=rng.choice(("functional", "hierarchic")), source="benchmark"
        )
    at += round(rng.lognormvariate(5, 1.3) * MINUTE)
    if rng.random() < 0.9:
        yield ev.TicketSolved(id=next_id(), occurred_at_ms=at, ticket_id=name, agent_id=agent, source="benchmark")
        if rng.random() < 0.25:
            survey = {"survey_id": f"s{i}", "survey_type": "post_case", "ticket_id": name, **said}
            yield ev.SurveySent(id=next_id(), occurred_at_ms=at + MINUTE, **survey)
            answers = [ev.Answer(question="overall", metric="csat", score=rng.choice((1, 2, 3, 4, 4, 5, 5, 5)), scale_min=1, scale_max=5)]
            at += round(rng.lognormvariate(4, 1.5) * MINUTE)
            yield ev.SurveyResponded(id=next_id(), occurred_at_ms=at, response_id=f"r{i}", answers=tuple(answers), **survey)


def _call(rng: Random, i: int, at: int, agent: str, said: dict[str, Any]) -> Iterator[Event]:
    name, wait = f"p{i}", round(rng.lognormvariate(3.2, 1) * 1000)
    yield ev.CallQueued(id=f"{name}-1", occurred_at_ms=at, call_id=name, direction="inbound", **said)
    if rng.random() < 0.1:
        yield ev.CallAbandoned(id=f"{name}-2", occurred_at_ms=at + wait, call_id=name, reason="caller", source="benchmark")
        return
    yield ev.CallAnswered(id=f"{name}-2", occurred_at_ms=at + wait, call_id=name, agent_id=agent, source="benchmark")
    talk = rng.expovariate(1 / 240)
    yield ev.CallEnded(id=f"{name}-3", occurred_at_ms=at + wait + round(talk * 1000), call_id=name, talk_seconds=talk, source="benchmark")


def filled(a_day: int = TICKETS_A_DAY) -> Board:
    """A board that has caught up with two weeks, of which every hour had an event or two that came late."""
    settings = Settings()
    board = Board(settings, clock=lambda: NOW_MS)
    levels = Levels(Zone(settings.time_zone), settings.aggregator.day_level_days)
    ran = batch.run(tickets(Random(1), a_day), levels=levels, pairs=settings.dimensions.pairs, now_ms=NOW_MS)
    if ran.entities.refused:
        raise SystemExit(f"refused: {ran.entities.refused[:3]}")
    board.folded = Folded(ran.cells)
    for day in range(NOW_MS - DAYS * DAY, NOW_MS, DAY):
        hours = range(day - day % DAY, day - day % DAY + DAY, HOUR)
        board.folded.late[day - day % DAY] = Late(events=dict.fromkeys(hours, 2), corrections={"first_reply_wait": dict.fromkeys(hours, 1)})
    board.version, board.caught_up = 1, True
    gc.collect()
    gc.freeze()  # what was made on the way would be looked through while questions are answered
    return board


class Took(NamedTuple):
    """One answer: how long it took in all, the longest stretch in which nothing else could run, the heartbeats, and what it holds."""

    ms: float
    held_ms: float
    beats: int
    points: int
    cuts: int


async def ask(client: httpx.AsyncClient, asked: Asked) -> Took:
    """One question with a heartbeat beside it."""
    longest, beats = 0.0, 0

    async def heart() -> None:
        nonlocal longest, beats
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_BEAT_SECONDS)
            longest, beats = max(longest, time.perf_counter() - before - _BEAT_SECONDS), beats + 1

    beating = asyncio.create_task(heart())
    await asyncio.sleep(5 * _BEAT_SECONDS)
    longest, beats, started = 0.0, 0, time.perf_counter()
    answer = await client.get(asked.path, params=asked.given)
    took = time.perf_counter() - started
    await asyncio.sleep(2 * _BEAT_SECONDS)
    held, seen = longest, beats
    beating.cancel()
    with suppress(asyncio.CancelledError):
        await beating
    if answer.status_code != 200:
        raise SystemExit(f"{asked.about}: {answer.text}")
    body = answer.json()
    if "figures" in body:
        return Took(took * 1000, held * 1000, seen, len(body["figures"]), len({str(f["dims"]) for f in body["figures"]}))
    return Took(took * 1000, held * 1000, seen, max((len(s["points"]) for s in body["series"]), default=0), len(body["series"]))


async def measured(a_day: int, rounds: int) -> None:
    """The table."""
    board = filled(a_day)
    held = sum(len(bucket.column()[0]) for buckets in board.folded.cells.buckets for bucket in buckets.values())
    print(f"{DAYS} days, {a_day} tickets a day, {held:,} cells, {len(board.folded.cells.cuts())} cuts; median of {rounds}")
    print(f"{'':38}{'points':>8}{'cuts':>6}{'ms':>9}{'held ms':>9}{'aim':>6}")
    split = {by: [k.id for k in board.kpis if set(by.split(",")) <= set(k.dimensions)] for by in ("channel", "channel,team")}
    transport = httpx.ASGITransport(app=create_app(board.settings, board, environ={}))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        for asked in QUESTIONS:
            kpi = asked.given.get("kpi", "")
            one = asked._replace(given={**asked.given, "kpi": split[kpi[1:]]}) if kpi.startswith("*") else asked
            found = []
            for _ in range(rounds):
                board.version += 1  # as after any event: nothing is remembered of the last answer
                found.append(await ask(client, one))
            took, stretch = (statistics.median(getattr(f, name) for f in found) for name in ("ms", "held_ms"))
            print(f"{asked.about:38}{found[0].points:8,}{found[0].cuts:6}{took:9.1f}{stretch:9.1f}{AIM_MS:6.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=TICKETS_A_DAY, help="tickets and calls a day")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measured(given.tickets, given.rounds))


if __name__ == "__main__":
    main()
