"""An incident in a demonstration: days enough to know what is usual, then the present, and into it escalations of one pair.

Laws: the incident begins when the board is current; it is found when `GET /v1/spikes` tells it with the planted pair as first cause.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime
from heapq import merge
from itertools import takewhile
from operator import attrgetter
from typing import NamedTuple

import httpx
import msgspec

from cli.company import incident, timeline
from cli.company.deliveries import Delivery
from cli.demo_screen import Screen
from cli.demo_sender import Sender, together
from cli.settled import settled
from schemas.spikes import Spike
from services.settings import Settings

LEAD_MS = 20_000
"""The incident begins so long after the board is current: whoever opens it should see it calm first."""

FOUND_SECONDS = 120
"""How long after its beginning an incident that was not found is given up."""

PLANTED = {"channel": incident.CHANNEL, "team": incident.TEAM}
_PAIR = f"{incident.CHANNEL} × {incident.TEAM}"
_LOOK_SECONDS = 0.5
_AFTER_MS = 6_000
"""So long after the last escalation all of them have been posted."""


class NotFound(RuntimeError):
    """What was planted was not told in time."""


class Story(NamedTuple):
    """What is posted: the past with the tickets of the incident, and the endless rest, which is still without it."""

    seed: int
    now_ms: int
    past: list[Delivery]
    rest: Iterator[Delivery]

    def present(self, onset_ms: int) -> Iterator[Delivery]:
        """The rest with the incident, which begins at an instant; to be asked for once."""
        planted = incident.outbreak(self.seed, self.now_ms, onset_ms, ahead_ms=timeline.days_ahead_ms(self.now_ms))
        return merge(self.rest, planted, key=attrgetter("at_ms"))


def story(seed: int, now_ms: int, *, events: int | None = None) -> Story:
    """The company's days around an instant; with `events` at least so many of them in the past."""
    past, rest = timeline.days_around(seed, now_ms, events=events)
    planted = incident.before(seed, now_ms, ahead_ms=timeline.days_ahead_ms(now_ms))
    return Story(seed, now_ms, list(merge(past, planted, key=attrgetter("at_ms"))), rest)


async def play(told: Story, post: Sender, settings: Settings, api_url: str, screen: Screen, *, to_the_end: bool) -> None:
    """Once the past, which was posted before, is in the figures: post the present and say when its incident is found.

    With `to_the_end` it returns when the whole incident is posted, found and in the figures, else only when it is interrupted.
    Raises NotSettled, with `to_the_end` also NotFound.
    """
    with screen.step("all of it in the figures") as tell:
        await settled(settings, api_url, tell)
    onset_ms = time.time_ns() // 1_000_000 + LEAD_MS
    screen.say(f"the wall board: {api_url}/   (an incident begins in {LEAD_MS // 1000} s; Ctrl-C ends everything)")
    present = told.present(onset_ms)
    if to_the_end:
        ends_ms = onset_ms + incident.WITHIN_MS + _AFTER_MS
        present = takewhile(lambda delivery: delivery.at_ms < ends_ms, present)
    with screen.live() as done:
        async with together() as tasks:
            tasks.create_task(post.post_live(present, done))
            tasks.create_task(_watch(api_url, onset_ms, screen, must=to_the_end))
    with screen.step("the rest in the figures") as tell:
        await settled(settings, api_url, tell)


async def _watch(api_url: str, onset_ms: int, screen: Screen, *, must: bool) -> None:
    try:
        spike = await found(api_url, onset_ms / 1000 + FOUND_SECONDS)
    except NotFound as error:
        if must:
            raise
        screen.say(f"deskpulse: {error}")
        return
    seconds = screen.seconds["incident found"] = round(time.time() - onset_ms / 1000, 1)
    began = datetime.fromtimestamp(onset_ms / 1000).astimezone()
    screen.say(
        f"planted at {began:%H:%M:%S}: {incident.ESCALATIONS} escalations from {_PAIR} within {incident.WITHIN_MS // 1000} s; found "
        f"{seconds} s after the first: {spike.observed:g} in {spike.window}, usually {_between(spike.usual_low, spike.usual_high)}"
    )


def _between(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


async def found(api_url: str, deadline: float) -> Spike:
    """The planted incident as it is told, as soon as it is; `deadline` is in seconds of the epoch. Raises NotFound."""
    async with httpx.AsyncClient(base_url=api_url, timeout=10) as client:
        while time.time() < deadline:
            for spike in await _spikes(client):
                if spike.kpi == incident.KPI and spike.causes and spike.causes[0].dims == PLANTED:
                    return spike
            await asyncio.sleep(_LOOK_SECONDS)
    raise NotFound(f"{incident.ESCALATIONS} escalations from {_PAIR} were planted, and {FOUND_SECONDS} s later nothing had been found")


async def _spikes(client: httpx.AsyncClient) -> list[Spike]:
    """The open incidents; none while the API does not answer: it is started again when it fell."""
    try:
        response = await client.get("/v1/spikes")
        response.raise_for_status()
    except httpx.HTTPError:
        return []
    return msgspec.convert(response.json()["spikes"], list[Spike])
