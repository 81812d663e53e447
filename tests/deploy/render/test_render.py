"""What is generated is what is committed, and the schemas say what the door does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from deploy.render import json_schemas
from deploy.render.__main__ import main
from deploy.render.artefacts import artefacts, outdated, write
from deploy.render.expressions import expression
from deploy.render.outside import SENDABLE, fields_of
from kpis.catalogue import KPIS
from kpis.query import Query
from schemas.canonical import event_from
from schemas.events import BY_TYPE
from schemas.rejections import Rejected
from tests.conftest import REPOSITORY
from tests.services.api.filled_board import filled

RECEIVED_MS = 1_800_000_000_000
SCHEMA = json_schemas.event()
EVENT = jsonschema_rs.validator_for(SCHEMA)


def test_the_committed_files_are_what_their_declarations_say() -> None:
    assert outdated(REPOSITORY) == [], "run make render"


def test_rendering_again_changes_nothing(tmp_path: Path) -> None:
    assert sorted(outdated(tmp_path)) == sorted(artefacts())
    write(tmp_path)
    assert outdated(tmp_path) == []
    first = {name: (tmp_path / name).read_bytes() for name in artefacts()}
    write(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in artefacts()} == first


def test_a_file_that_was_edited_by_hand_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "docs/kpis.md").write_text("edited", encoding="utf-8")
    (tmp_path / "schemas/json/figure.json").unlink()
    assert outdated(tmp_path) == ["docs/kpis.md", "schemas/json/figure.json"]


def test_check_only_says_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert capsys.readouterr().out == ""


def test_every_kpi_and_every_type_has_its_section() -> None:
    kpis, events = artefacts()["docs/kpis.md"], artefacts()["docs/events.md"]
    assert [kpi.id for kpi in KPIS if f'### <a id="{kpi.id}"></a>{kpi.title}\n' not in kpis] == []
    assert [name for name in BY_TYPE if (f"#### {name}\n" in events) == (name == "ticket.absorbed")] == []


def test_the_parts_of_the_page_are_those_of_the_figures() -> None:
    """What a filled board tells beside its values stands on the page, with a placeholder where only data can name it."""
    page = artefacts()["docs/kpis.md"]
    for figure in filled().figures(Query(kpis=("first_reply_time", "service_level", "full_resolution_time", "resolved_issues"))):
        listed = page.partition(f"| `{figure.kpi}` |  |\n")[2].partition("| parts | ")[2].partition(" |\n")[0]
        assert [part for part in figure.parts if f"`{part}`" not in listed] == [], figure.kpi


@pytest.mark.parametrize(
    ("kpi", "text"),
    [
        pytest.param(
            "one_touch_rate",
            "share(part = ticket_solved{one_touch}, of = ticket_solved{one_touch, replied})",
            id="classes",
        ),
        pytest.param(
            "abandonment_rate",
            "share(part = call_abandoned{within, late, no_wait}, of = call_answered + call_abandoned{within, late, no_wait})",
            id="a sum, a function left out",
        ),
        pytest.param("speed_of_answer", "quantile(measure = answer_wait, within_ms = (20 s))", id="milliseconds as seconds"),
        pytest.param("current_longest_wait", "ages(measure = contact_waiting, longest = yes)", id="a choice"),
    ],
)
def test_a_formula_reads_as_it_is_declared(kpi: str, text: str) -> None:
    [declared] = [one for one in KPIS if one.id == kpi]
    assert expression(declared.figure) == text


SENT: list[dict[str, Any]] = [
    {"type": "ticket.created", "id": "1", "ticket_id": "t", "occurred_at": "2026-11-22T08:15:30.123Z", "channel": "email"},
    {"type": "ticket.created", "id": "1", "ticket_id": "t", "opened_at": "2026-11-20T08:15:30+02:00", "backfill": True},
    {"type": "ticket.assigned", "id": "1", "ticket_id": "t", "team": None, "agent_id": "a"},
    {"type": "ticket.status_changed", "id": "1", "ticket_id": "t", "to": "open", "from": "new"},
    {"type": "ticket.sla_due", "id": "1", "ticket_id": "t", "policy": "p", "target": "resolution", "due_at": None},
    {"type": "survey.responded", "id": "1", "response_id": "r", "survey_type": "post_case", "answers": [{"metric": "csat", "score": 4}]},
    {"type": "agent.shift", "id": "1", "agent_id": "a", "starts_at": "2026-11-22T08:00:00Z", "ends_at": "2026-11-22T16:00:00Z"},
    {"type": "fact.withdrawn", "id": "1", "of": "2"},
]


@pytest.mark.parametrize("sent", SENT, ids=lambda sent: str(sent["type"]))
def test_what_the_schema_lets_in_the_door_lets_in(sent: dict[str, Any]) -> None:
    EVENT.validate(sent)
    event, stripped = event_from(sent, source="shop", received_at_ms=RECEIVED_MS)
    assert (event.type, stripped) == (sent["type"], ())


@pytest.mark.parametrize("cls", SENDABLE, ids=lambda cls: str(cls.__struct_config__.tag))
def test_what_is_required_is_what_the_door_asks_for(cls: type) -> None:
    """Without any one of the required fields both refuse."""
    name = str(cls.__struct_config__.tag)  # type: ignore[attr-defined]
    definition = SCHEMA["$defs"][name]
    required = {field.name for field in fields_of(cls) if field.required}
    assert required == {*definition["required"], "id"} - {"type"}
    for missing in required:
        sent = {"type": name, **{field: "x" for field in required - {missing}}}
        assert not EVENT.is_valid(sent)
        with pytest.raises(Rejected) as refused:
            event_from(sent, source="shop", received_at_ms=RECEIVED_MS)
        assert refused.value.pointer


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"type": "ticket.created", "id": "1", "ticket_id": "t", "subject": "help"}, id="a field it does not have"),
        pytest.param({"type": "ticket.created", "id": "1", "ticket_id": "t", "occurred_at_ms": 1}, id="the inner name of a time"),
        pytest.param({"type": "ticket.created", "id": "1", "ticket_id": "t", "source": "zendesk"}, id="what only we may say"),
        pytest.param({"type": "ticket.absorbed", "id": "1", "ticket_id": "t", "log": []}, id="a type of the aggregator's own"),
        pytest.param({"type": "ticket.created", "id": "", "ticket_id": "t"}, id="an empty id"),
        pytest.param({"type": "ticket.status_changed", "id": "1", "ticket_id": "t", "to": "done"}, id="a status that does not exist"),
    ],
)
def test_the_schema_refuses(sent: dict[str, Any]) -> None:
    assert not EVENT.is_valid(sent)


def test_every_figure_of_a_board_fits_its_schema() -> None:
    validator = jsonschema_rs.validator_for(json.loads(artefacts()["schemas/json/figure.json"]))
    figures = filled().figures(Query(kpis=tuple(kpi.id for kpi in KPIS)))
    assert len(figures) > 100
    for figure in figures:
        validator.validate(msgspec.to_builtins(figure))
    assert not validator.is_valid({**msgspec.to_builtins(figures[0]), "quality": "good"})
