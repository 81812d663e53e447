"""An export as a user sends it: on a real broker, with the three services, then webhooks of the same tickets."""

from __future__ import annotations

import csv
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from cli.app import run
from services.settings import AggregatorSettings, Settings, SourceSettings, as_environment
from tests.cli.running import running
from tests.conftest import SettingsFor
from tests.services.ingest.senders import signed_by_zendesk

pytestmark = pytest.mark.broker
DESK_SECRET = "a-secret-of-the-helpdesk"
ENVIRON = {"DESK_SECRET": DESK_SECRET, "BACKLOG_SECRET": "whsec_YSBzZWNyZXQgb2YgdGhlIGJhY2tsb2c="}
SOURCES = {
    "zendesk": SourceSettings(kind="zendesk", secret_env=("DESK_SECRET",)),
    "backlog": SourceSettings(kind="standardwebhooks", secret_env=("BACKLOG_SECRET",), speaks_for="zendesk"),
}
MAPPING = """
tickets_of = "zendesk"
time_zone = "Europe/Berlin"
[columns]
ticket_id = "ID"
status = "Status"
opened_at = "Created at"
updated_at = "Updated at"
team = "Group"
channel = "Channel"
agent_id = "Assignee"
customer_id = "Requester"
"""
STATUSES = ("New", "Open", "Pending", "On-hold")
TEAMS = ("Billing", "Tier 1", "Tier 2")
CHANNELS = ("email", "web")
TICKETS = 200
NOW = datetime.now(UTC).replace(microsecond=0)


def write_export(path: Path) -> None:
    """So many open tickets of the last weeks, and a few that are solved; times without a zone."""
    with path.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out, delimiter=";")
        rows.writerow(["ID", "Subject", "Status", "Created at", "Updated at", "Group", "Channel", "Assignee", "Requester"])
        for n in range(TICKETS + 20):
            status = STATUSES[n % 4] if n < TICKETS else "Solved"
            opened = NOW - timedelta(days=1 + n % 30, minutes=n)
            times = [berlin(opened), berlin(opened + timedelta(hours=3))]
            rows.writerow([1000 + n, "SECRET\n; text", status, *times, TEAMS[n % 3], CHANNELS[n % 2], 7 if n % 5 else "", f"c{n}"])


def berlin(at: datetime) -> str:
    """As an export writes it."""
    return f"{at.astimezone(ZoneInfo('Europe/Berlin')):%Y-%m-%d %H:%M}"


class Board:
    """What the API tells."""

    def __init__(self, settings: Settings) -> None:
        self._url = f"http://127.0.0.1:{settings.api.port}/v1/figures"

    def __call__(self, kpi: str, window: str = "now", by: str | None = None) -> dict[str, float]:
        """The figures of a KPI by the values of a dimension; "" is the whole."""
        question = {"kpi": kpi, "window": window, **({"by": by} if by else {})}
        figures = httpx.get(self._url, params=question, timeout=20).json()["figures"]
        return {"/".join(figure["dims"].values()): figure["value"] or 0 for figure in figures}

    def until(self, count: float) -> float:
        """How many tickets are open once it is so many, or at the end of a patience."""
        deadline = time.monotonic() + 30
        while (found := self("active_issues").get("", 0)) != count and time.monotonic() < deadline:
            time.sleep(0.1)
        return found


def webhook(settings: Settings, ticket: int, kind: str, at: datetime, event: dict[str, Any], status: str) -> None:
    """Post what the helpdesk posts when something happens to a ticket."""
    n = ticket - 1000
    body = json.dumps(
        {
            "account_id": 1,
            "detail": {
                "id": str(ticket),
                "status": status,
                "group_id": TEAMS[n % 3],
                "requester_id": f"c{n}",
                "via": {"channel": CHANNELS[n % 2]},
                "created_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
                "is_public": True,
            },
            "event": event,
            "id": f"{kind}-{ticket}-{at.timestamp()}",
            "subject": f"zen:ticket:{ticket}",
            "time": f"{at:%Y-%m-%dT%H:%M:%S.%fZ}",
            "type": f"zen:event-type:ticket.{kind}",
            "zendesk_event_version": "2022-11-06",
        }
    ).encode()
    stamp = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    headers = {"content-type": "application/json", **signed_by_zendesk(body, secret=DESK_SECRET, timestamp=stamp)}
    answer = httpx.post(f"http://127.0.0.1:{settings.ingest.port}/webhooks/zendesk", content=body, headers=headers, timeout=20)
    assert (answer.status_code, answer.json()["accepted"] > 0) == (202, True), answer.text


def test_the_backlog_is_right_on_the_first_day_and_stays_so(
    kafka: str, settings_for: SettingsFor, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(kafka, sources=SOURCES, aggregator=AggregatorSettings(port=settings_for().aggregator.port, checkpoint_ms=50))
    for name, value in {**as_environment(settings), **ENVIRON}.items():
        monkeypatch.setenv(name, value)
    write_export(tmp_path / "tickets.csv")
    (tmp_path / "map.toml").write_text(MAPPING)

    def send(*more: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = run(["send", str(tmp_path / "tickets.csv"), "--map", str(tmp_path / "map.toml"), "--source", "backlog", "--json", *more])
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return code, found

    with running("up", environment={**as_environment(settings), **ENVIRON}) as terminal:
        terminal.until("ready: webhooks at")
        board = Board(settings)
        code, found = send("--dry-run")
        assert (code, found["backlog"]["tickets"], found["backlog"]["skipped_closed"]) == (0, TICKETS, 20)
        code, found = send()
        assert (code, found["refused"], found["accepted"]) == (0, 0, 2 * TICKETS + TICKETS // 5)
        assert board.until(TICKETS) == TICKETS
        by_team = {team: sum(n % 3 == place for n in range(TICKETS)) for place, team in enumerate(TEAMS)}

        def backlog_is_right() -> None:
            assert board("active_issues", by="channel") == {"email": TICKETS / 2, "web": TICKETS / 2}
            assert board("active_issues", by="team") == by_team
            assert board("issues_created", "today") == {"": 0}

        backlog_is_right()
        code, again = send()
        assert (code, again["accepted"], again["answered_before"]) == (0, found["accepted"], 0)

        # a ticket that the export lacks
        now = datetime.now(UTC)
        webhook(settings, 5000, "created", now, {}, "NEW")
        assert board.until(TICKETS + 1) == TICKETS + 1
        webhook(settings, 5000, "status_changed", now + timedelta(seconds=1), {"previous": "NEW", "current": "SOLVED"}, "SOLVED")
        assert board.until(TICKETS) == TICKETS
        assert board("active_issues", by="team") == by_team
        assert board("issues_created", "today") == {"": 1}

        for n in range(50):  # the helpdesk's own webhooks close some
            webhook(settings, 1000 + n, "status_changed", datetime.now(UTC), {"previous": "OPEN", "current": "SOLVED"}, "SOLVED")
        assert board.until(TICKETS - 50) == TICKETS - 50
        assert board("resolved_issues", "today") == {"": 51}
        code, again = send()
        assert (code, again["refused"]) == (0, 0)
        webhook(settings, 1199, "status_changed", datetime.now(UTC), {"previous": "ON-HOLD", "current": "SOLVED"}, "SOLVED")
        assert board.until(TICKETS - 51) == TICKETS - 51, "what was solved since the export stays solved"
        assert board("issues_created", "today") == {"": 1}

        assert send("--take-back")[0] == 0
        assert board.until(0) == 0, "without the export only what was solved is known"

    capsys.readouterr()
    run(["rejected", "list", "--json"])
    assert json.loads(capsys.readouterr().out)["counts"] == {}
