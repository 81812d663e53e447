"""`deskpulse explain` and `compute --explain`: one list from a file, from the API and from the topic; bad questions said plainly."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from cli.app import run
from cli.explain import explained
from deploy.ports import free_ports
from kpis.query import Query, Unanswerable
from schemas import keys, topics
from schemas.canonical import millis_from, outside_of
from schemas.codec import encode_event, join_events
from schemas.events import Event
from services import generations
from services.kafka import client_options
from services.partition import partition_of
from services.settings import topic
from services.topics import ensure_topics
from tests.conftest import SettingsFor
from tests.kpis.drawn import drawn

STORY = """
    Fri 10:00 created @k1 #a1 channel=email customer=c1
    Fri 10:42 reply @k1 #a2
    Fri 10:00 created @k2 #b1 channel=chat
    Fri 10:05 bot @k2 #b2
    Fri 10:10 created @k3 #c1
    Fri 10:50 reply @k3 #c2
    Fri 10:55 merged @k3 #c3 into=k1
    Fri 11:00 created @k4 #d1 opened=Sat_11:00
    Fri 11:01 reply @k4 #d2
    Fri 12:00 created @k5 #e1 channel=email
    Fri 12:10 reply @k5 #e2
"""
AS_OF = "2026-09-18T18:00:00Z"
LEFT_OUT = {"bot_only": 1, "merged": 1, "quarantined": 1}


def story(late: str = "") -> list[Event]:
    """The events; those named in `late` were received two hours after they happened."""
    return [
        msgspec.structs.replace(event, received_at_ms=event.occurred_at_ms + (7_200_000 if event.id in late.split() else 5))
        for event in drawn(STORY)
    ]


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The story as its sender would write it."""
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(outside_of(event)) + "\n" for event in story()))
    return path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The exit code and both outputs of a command."""
    capsys.readouterr()
    code = run(list(arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_file_explains_its_figure(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("compute", str(file), "--kpi", "first_reply_time", "--window", "24h", "--as-of", AS_OF, "--explain")
    code, out, _ = told(capsys, *asked, "--json")
    assert code == 0
    [lineage] = json.loads(out)
    assert lineage["complete"]
    assert lineage["filled"].startswith("median of 2 first reply waits = ")
    assert lineage["filled"].endswith("; mean 52 min / 2 = 26 min")
    assert [(one["entity"], one["counts"][0]["value_seconds"]) for one in lineage["entities"] if not one["counts"][0]["beside"]] == [
        ("ticket:file:k5", 600.0),
        ("ticket:file:k1", 2520.0),
    ]
    assert lineage["left_out_counts"] == LEFT_OUT
    assert {one["reason"]: one["detail"] for one in lineage["left_out"]}["quarantined"] == "first_reply_wait of -86340 s"
    assert lineage["revisions"]["late_events"] == []
    code, out, _ = told(capsys, *asked)
    assert code == 0
    for words in ("2 count", "1 are told beside", "ticket.public_reply a2", "into ticket:file:k1", "merged"):
        assert words in out


def test_a_split_is_explained_cut_by_cut(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = told(capsys, "compute", str(file), "--kpi", "issues_created", "--window", "24h", "--by", "channel", "--explain", "--json")
    assert [(one["figure"]["dims"], one["counted"]) for one in json.loads(out)] == [({"channel": "chat"}, 1), ({"channel": "email"}, 2)]


def test_events_that_came_late_are_told_where_it_is_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "topic.jsonl"
    path.write_bytes(b"".join(encode_event(event) + b"\n" for event in story(late="a2 e1")))
    _, out, _ = told(capsys, "compute", str(path), "--kpi", "first_reply_time", "--window", "24h", "--as-of", AS_OF, "--explain", "--json")
    late = json.loads(out)[0]["revisions"]["late_events"]
    assert [(one["id"], one["late_by_seconds"], one["measures"]) for one in late] == [("a2", 7200.0, ["first_reply_wait"])]


def test_without_a_kpi_the_formulas_stand_in_the_table(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told(capsys, "compute", str(file), "--explain")
    assert code == 0
    assert "first public human reply" in out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param(("nps", "--by", "channel"), 2, "such as channel=email", id="a dimension without a value"),
        pytest.param(("nps", "--from", AS_OF), 2, "--from and --to go together", id="half a span"),
        pytest.param(("nps", "--limit", "0"), 2, "greater than or equal to 1", id="nobody listed"),
        pytest.param(("nps",), 1, "no API answers", id="no API"),
    ],
)
def test_bad_questions(
    arguments: tuple[str, ...], code: int, says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESKPULSE_API__PORT", str(free_ports(1)[0]))
    found, _, err = told(capsys, "explain", *arguments)
    assert found == code
    assert says in err


@pytest.mark.broker
async def test_the_topic_explains_what_the_services_have_forgotten(kafka: str, settings_for: SettingsFor) -> None:
    settings = settings_for(kafka, partitions=2, now="watermark")
    await ensure_topics(settings)
    settings, _ = await generations.entered(settings, 0)
    producer = AIOKafkaProducer(**client_options(settings))
    await producer.start()
    try:
        for event in story(late="a2"):
            partition = partition_of(keys.of(event), settings.kafka.partitions)
            await producer.send_and_wait(topic(settings, topics.EVENTS), join_events([encode_event(event)]), partition=partition)
    finally:
        await producer.stop()
    found = await explained(settings, Query(kpis=("first_reply_time",), windows=("24h",), as_of_ms=millis_from(AS_OF)), 10)
    assert found.complete
    assert found.figure.value == pytest.approx(1560, rel=0.01)
    assert found.figure.n == 2
    assert found.left_out_counts == LEFT_OUT
    assert [event.id for event in found.revisions.late_events] == ["a2"]
    replies = [line for one in found.entities for line in one.events if line.id == "a2"]
    assert [line.received_at for line in replies] == ["2026-09-18T12:42:00.000Z"]
    with pytest.raises(Unanswerable, match="the nearest is nps"):
        await explained(settings, Query(kpis=("npss",), windows=("28d",)), 10)
