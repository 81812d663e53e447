"""People are woken once, for what is worth it, with its cause: planted in running services, told by a real Prometheus and Alertmanager.

The services take the newest event's time as the present, so that an incident of half an hour passes as fast as its events come.
"""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from random import Random, SystemRandom

import pytest

from cli.company import signing
from deploy.ports import free_ports
from services.settings import ApiSettings, SourceSettings
from services.topics import ensure_topics
from tests.conftest import SettingsFor
from tests.operations import history
from tests.operations.desk import Desk, until
from tests.operations.history import DAY, MINUTE
from tests.operations.receiver import listening
from tests.operations.room import open_room

TOKEN = "a-token-for-readers"
SPIKE = 24
ESCALATIONS = "escalation_rate"
EMAILS = 'sum(deskpulse_issues_created_total{channel="email"})'
"""What came in time to be counted as it happened: nothing before the storm."""
FAMILY = re.compile(r"(?<![\w:])deskpulse_[a-z_]+(?=[{\[)\s])")
NOT_HERE = {
    "deskpulse_audit_differences",
    "deskpulse_audit_last_success_timestamp_seconds",
    "deskpulse_series_suppressed",
    "deskpulse_source_rejected_total",
    "deskpulse_source_silence_surprise",
    "deskpulse_speed_of_answer_breached_total",
    "deskpulse_speed_of_answer_due_total",
}
"""Families without a sample at this company: it answers in time and has no telephone, is not audited, sends nothing that is wrong, and
its rhythm is not known yet."""


@pytest.mark.room
@pytest.mark.broker
def test_a_spike_is_told_once_with_its_cause_and_nothing_else_is_told(kafka: str, settings_for: SettingsFor, tmp_path: Path) -> None:
    secret = signing.secret_for("standardwebhooks", SystemRandom())
    [port] = free_ports(1)
    settings = settings_for(
        kafka,
        now="watermark",
        api=ApiSettings(port=port, token_env="ROOM_TOKEN"),
        sources={"desk": SourceSettings(kind="standardwebhooks", secret_env=("ROOM_SECRET",))},
    )
    asyncio.run(ensure_topics(settings))
    variables = {"ROOM_SECRET": secret, "ROOM_TOKEN": TOKEN}
    with listening() as people, open_room(settings, variables, TOKEN, tmp_path, people.port) as room:
        room.start("ingest", "aggregator", "api", "prometheus", "alertmanager")
        desk = Desk(settings, "desk", secret, TOKEN)
        until(lambda: len(room.ask("up == 1")) == 4, "every job is scraped")
        # an hour for all that follows, so that none of it is older than that when it comes
        began = (time.time_ns() // 1_000_000 - 60 * MINUTE) // MINUTE * MINUTE

        # two weeks at once: nobody is told
        desk.send([*history.usual(began - 15 * DAY, began), *history.still_open(SPIKE, began), history.word(began)])
        until(lambda: desk.is_judged(ESCALATIONS), "escalations are judged")
        assert people.told == []

        # unusually many: told within a minute, with what carries them
        planted = time.monotonic()
        spike = history.escalated(SPIKE, began + MINUTE, began + 6 * MINUTE)
        desk.send([*history.usual(began, began + 6 * MINUTE, ["chat"]), *spike])
        told = people.until(1, 60)
        assert [str(one) for one in told] == ["chat: DeskpulseEscalationSpike firing"], desk.spikes()
        [fired] = told
        assert fired.at - planted < 60
        assert fired.annotations["summary"] == "Escalations are unusually high"
        assert "channel=chat, team=billing carries" in fired.annotations["description"]
        print(f"told after {fired.at - planted:.1f} s: {fired.annotations['description']}")

        # every service starts again while it lasts, one of them after a power cut: it is not over, and not told again
        room.kill("aggregator")
        room.stop("ingest")
        room.start("aggregator", "ingest")
        room.stop("api")
        room.start("api")
        until(lambda: ESCALATIONS in desk.spikes(), "it is open again")
        assert desk.spikes() == {ESCALATIONS: "open"}
        assert people.told == told

        # an automation had escalated them, which is taken back; as usual for long enough: over
        desk.send(history.taken_back(spike, began + 7 * MINUTE))
        until(lambda: desk.spikes() == {ESCALATIONS: "closing"}, "it closes")
        desk.send([*history.usual(began + 6 * MINUTE, began + 11 * MINUTE, ["chat"]), history.word(began + 11 * MINUTE)])
        until(lambda: desk.spikes() == {}, "it is over")

        # a channel that was cut off delivers the last hour at once, in any order: nobody is told
        storm = [
            *history.usual(began + 3 * MINUTE, began + 58 * MINUTE, ["email"]),
            *history.usual(began + 11 * MINUTE, began + 58 * MINUTE, ["chat"]),
        ]
        Random(7).shuffle(storm)
        desk.send([*storm, history.word(began + 58 * MINUTE)])
        created = sum(b"ticket.created" in line and b"email" in line for line in storm)
        until(lambda: room.ask(EMAILS) == {"{}": created}, "the storm is counted")
        told = people.until(2, 60)
        assert [str(one) for one in told[1:]] == ["chat: DeskpulseEscalationSpike resolved"]
        print(f"over after {told[1].at - planted:.1f} s")

        # all rules were judged all the time, on what the services tell
        rules = room.rules()
        assert [rule for rule in rules if rule["health"] != "ok"] == []
        read = {name for rule in rules for name in FAMILY.findall(rule["query"])}
        assert read - room.names() == NOT_HERE

        # and what is worth it still wakes: nobody counts any more
        room.stop("aggregator")
        told = people.until(3, 60)
        assert [str(one) for one in told[2:]] == ["page: DeskpulseAggregatorDown firing"]
