"""`deskpulse rebuild` beside a running deskpulse: other pairs and partitions come into force, and nobody who looks or sends notices."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import SystemRandom
from typing import Any

import httpx
import msgspec
import pytest

from cli.company import signing
from cli.rebuilding.planning import NothingToDo, NotPossible, plan
from cli.settled import settled
from schemas import events as ev
from services.calendar_settings import CalendarSettings, WeekSettings
from services.controls import Control, read_controls
from services.generations import Generation, live_of, made_with, versions, within
from services.settings import DimensionSettings, Settings, SourceSettings, as_environment
from tests.cli.running import running
from tests.conftest import SettingsFor
from tests.services.aggregator.workers import publish

SECRET = "REBUILD_DESK_SECRET"
PAIRS = (("channel", "team"), ("channel", "priority"))


@pytest.mark.broker
def test_pairs_and_partitions_change_beside_the_live_figures(kafka: str, settings_for: SettingsFor, tmp_path: Path) -> None:
    before = settings_for(kafka, sources={"desk": SourceSettings(kind="standardwebhooks", secret_env=(SECRET,))})
    after = before.model_copy(
        update={"kafka": before.kafka.model_copy(update={"partitions": 3}), "dimensions": DimensionSettings(pairs=PAIRS)}
    )
    secret = signing.secret_for("standardwebhooks", SystemRandom())
    environment = {**as_environment(before), SECRET: secret}
    with running("up", environment=environment) as terminal:
        terminal.until("ready: webhooks at")
        desk = Desk(before, secret)
        desk.send(60)
        with watched(before) as seen, sending(desk):
            with running("rebuild", "--all", environment={**as_environment(after), SECRET: secret}) as rebuilding:
                rebuilding.until("generation 2 is made beside generation 1: kafka.partitions = 3, dimensions.pairs =")
                rebuilding.until("switched to generation 2", seconds=90)
                rebuilding.until("generation 2 is live after", seconds=240)
                assert rebuilding.process.wait(60) == 0
            _until(lambda: _progress(before)["generation"] == 2, "the board shows generation 2")
            desk.send(20)
        generation = asyncio.run(_live(before))
        assert (generation.number, generation.events, generation.partitions, generation.pairs) == (2, 2, 3, PAIRS)
        asyncio.run(settled(within(before, generation), f"http://127.0.0.1:{before.api.port}"))
        assert _figure(before)["value"] == desk.created
        by_pair = _figures(before, by="channel,priority")
        assert {(f["dims"]["channel"], f["dims"]["priority"]): f["value"] for f in by_pair} == desk.by_pair
        assert seen.refused == []
        assert seen.values == sorted(seen.values)
        assert seen.longest_gap_seconds < 10


@pytest.mark.broker
def test_of_a_quiet_company_a_restated_calendar_holds_for_the_past(kafka: str, settings_for: SettingsFor) -> None:
    """Many shards write facts to one partition, so that it ends with a row of ends of transactions: they are nothing to wait for."""
    before = settings_for(kafka, partitions=6)
    always = CalendarSettings(hours=WeekSettings(**dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), ("00:00-24:00",))))
    after = before.model_copy(update={"calendars": {"default": always}})
    now_ms = time.time_ns() // 1_000_000
    events: list[ev.Event] = []
    for number in range(60):
        ticket: dict[str, Any] = {"source": "desk", "received_at_ms": now_ms, "ticket_id": f"t{number}", "customer_id": f"c{number}"}
        events.append(ev.TicketCreated(id=f"c{number}", occurred_at_ms=now_ms - 7_200_000, **ticket))
        events.append(ev.TicketSolved(id=f"s{number}", occurred_at_ms=now_ms - 3_600_000 - number * 1000, **ticket))
    asked = {"kpi": "full_resolution_time", "window": "24h"}
    with running("up", environment=as_environment(before)) as terminal:
        terminal.until("ready: webhooks at")
        asyncio.run(publish(before, events))
        _until(lambda: _figures(before, **asked)[0]["n"] == 60, "all of it is counted")
        assert _figures(before, **asked, clock="business")[0]["reason"] == "no_calendar"
        with running("rebuild", "--all", "--restate", environment=as_environment(after)) as rebuilding:
            rebuilding.until("generation 2 is live after", seconds=180)
            assert rebuilding.process.wait(60) == 0
        _until(lambda: _progress(before)["generation"] == 2, "the board shows generation 2")
        by_clock = [_figures(before, **asked, clock=clock)[0] for clock in ("calendar", "business")]
        assert [figure["n"] for figure in by_clock] == [60, 60]
        assert by_clock[0]["value"] == by_clock[1]["value"]


class Desk:
    """A sender that repeats what was not acknowledged, and remembers what was."""

    def __init__(self, settings: Settings, secret: str) -> None:
        self._url = f"http://127.0.0.1:{settings.ingest.port}/webhooks/desk"
        self._secret = secret
        self._lock = threading.Lock()
        self.created = 0
        self.by_pair: dict[tuple[str, str], int] = {}

    def send(self, tickets: int) -> None:
        """Create so many tickets."""
        for _ in range(tickets):
            with self._lock:
                number = self.created
                self.created += 1
            pair = (("email", "chat", "web")[number % 3], ("high", "low")[number % 2])
            at = datetime.now(UTC) - timedelta(minutes=number % 50)
            event = {"type": "ticket.created", "id": f"e{number}", "ticket_id": f"t{number}", "occurred_at": at.isoformat()}
            self._post(f"m{number}", json.dumps({**event, "channel": pair[0], "priority": pair[1]}).encode())
            with self._lock:
                self.by_pair[pair] = self.by_pair.get(pair, 0) + 1

    def _post(self, name: str, body: bytes) -> None:
        deadline = time.monotonic() + 60
        while True:
            headers = signing.headers("standardwebhooks", self._secret, name, body, time.time_ns() // 1_000_000)
            try:
                answer = httpx.post(self._url, content=body, headers=headers, timeout=20)
                if answer.status_code == 202:
                    return
                said = answer.text
            except httpx.HTTPError as error:
                said = repr(error)
            assert time.monotonic() < deadline, said
            time.sleep(0.1)


@contextmanager
def sending(desk: Desk) -> Iterator[None]:
    """A ticket now and then, for as long as the block lasts."""
    done = threading.Event()

    def go_on() -> None:
        while not done.wait(0.05):
            desk.send(1)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class Seen:
    """What somebody who looks all the time saw."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.refused: list[str] = []
        self.longest_gap_seconds = 0.0


@contextmanager
def watched(settings: Settings) -> Iterator[Seen]:
    """Look at one figure all the time, for as long as the block lasts."""
    done, seen = threading.Event(), Seen()

    def look() -> None:
        moved = time.monotonic()
        while not done.wait(0.2):
            answer = httpx.get(f"http://127.0.0.1:{settings.api.port}/v1/figures", params=_ASKED, timeout=20)
            if answer.status_code != 200:
                seen.refused.append(answer.text)
                continue
            value = answer.json()["figures"][0]["value"]
            if not seen.values or value > seen.values[-1]:
                moved = time.monotonic()
            seen.values.append(value)
            seen.longest_gap_seconds = max(seen.longest_gap_seconds, time.monotonic() - moved)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


_ASKED = {"kpi": "issues_created", "window": "24h"}


def _figures(settings: Settings, **more: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"http://127.0.0.1:{settings.api.port}/v1/figures", params={**_ASKED, **more}, timeout=20)
    assert answer.status_code == 200, answer.text
    figures: list[dict[str, Any]] = answer.json()["figures"]
    return figures


def _figure(settings: Settings) -> dict[str, Any]:
    return _figures(settings)[0]


def _progress(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"http://127.0.0.1:{settings.api.port}/v1/progress", timeout=20).json()
    return found


async def _live(settings: Settings) -> Generation:
    live = live_of(await read_controls(settings))
    assert live is not None
    return live


def _until(true: Any, what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not so within {seconds:g} s: {what}"
        time.sleep(0.1)


# ---- the plan ----------------------------------------------------------------------------------


def _controls(generation: Generation) -> list[Control]:
    value = msgspec.to_builtins(generation)
    return [Control(kind="generation", id=id, valid_from_ms=0, value=value, at_ms=1) for id in ("live", str(generation.number))]


def test_a_measure_with_a_new_version_is_made_anew_and_its_reason_told() -> None:
    live = made_with(Settings(), 4, 1, 0)
    older = Generation(**{**{f: getattr(live, f) for f in live.__struct_fields__}, "measures": {**live.measures, "ticket_solved": 0}})
    decided = plan(Settings(), _controls(older), ["ticket_solved"], everything=False, from_archive=False, now_ms=9)
    assert (decided.next.number, decided.next.events, decided.copies_events) == (5, 1, False)
    assert decided.reasons == ["ticket_solved@1 instead of @0"]
    assert decided.next.measures == versions()


@pytest.mark.parametrize(
    ("measures", "everything", "error", "words"),
    [
        pytest.param(["ticket_solved"], False, NothingToDo, "add --all", id="nothing changed"),
        pytest.param(["ticket_solvd"], False, NotPossible, "the nearest is ticket_solved", id="a name that is unknown"),
        pytest.param([], False, NotPossible, "--measure NAME", id="nothing named"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(measures: list[str], everything: bool, error: type[Exception], words: str) -> None:
    standing = _controls(made_with(Settings(), 1, 1, 0))
    with pytest.raises(error, match=words):
        plan(Settings(), standing, measures, everything=everything, from_archive=False, now_ms=9)


def test_without_a_first_generation_there_is_nothing_to_make_anew() -> None:
    with pytest.raises(NotPossible, match="start the services first"):
        plan(Settings(), [], [], everything=True, from_archive=False, now_ms=9)


def test_another_number_of_partitions_or_an_archive_asks_for_events_of_its_own() -> None:
    standing = _controls(made_with(Settings(), 1, 1, 0))
    wider = Settings().model_copy(update={"kafka": Settings().kafka.model_copy(update={"partitions": 16})})
    assert plan(wider, standing, [], everything=True, from_archive=False, now_ms=9).copies_events
    assert plan(Settings(), standing, [], everything=True, from_archive=True, now_ms=9).copies_events
    assert not plan(Settings(), standing, [], everything=True, from_archive=False, now_ms=9).copies_events
