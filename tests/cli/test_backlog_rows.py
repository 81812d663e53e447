"""Exports in every dialect: each gives the same rows, a bad row costs only itself, what cannot be read is said with what to change."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from cli.exports.mapping import BadMapping, read_mapping
from cli.exports.rows import BadExport
from cli.exports.telling import words_of
from tests.cli.exported import MAPPING, looked_through

LINES = ["ID,Status,Created,Subject", "1,open,2026-03-01T08:00:00Z,a", '2,pending,2026-03-01T09:00:00Z,"two, and\nmore"']
CSV = "\n".join(LINES) + "\n"
ROWS: list[dict[str, Any]] = [
    {"ID": 1, "Status": "open", "Created": "2026-03-01T08:00:00Z"},
    {"ID": "2", "Status": "pending", "Created": "2026-03-01T09:00:00Z"},
]
LATIN = "tickets_of = 'zendesk'\nfile.encoding = 'latin-1'" + MAPPING.replace('tickets_of = "zendesk"', "") + 'team = "Größe"\n'


@pytest.mark.parametrize(
    ("name", "content", "mapping"),
    [
        pytest.param("t.csv", CSV, MAPPING, id="commas"),
        pytest.param("t.csv", CSV.replace("\n", "\r\n"), MAPPING, id="ends of lines as on Windows"),
        pytest.param("t.csv", "\ufeff" + CSV, MAPPING, id="a byte order mark"),
        pytest.param("t.csv", CSV.encode("utf-16"), MAPPING, id="UTF-16, as Excel writes Unicode text"),
        pytest.param("t.csv", CSV.replace("two,", "two;").replace(",", ";"), MAPPING, id="semicolons"),
        pytest.param("t.csv", "sep=;\n" + CSV.replace("two,", "").replace(",", ";"), MAPPING, id="the line that Excel writes for itself"),
        pytest.param("t.tsv", CSV.replace(",", "\t"), MAPPING, id="tabs"),
        pytest.param("t.txt", CSV.replace(",", "|"), MAPPING, id="bars"),
        pytest.param("t.csv", CSV.replace(",", "^"), MAPPING + '[file]\ndelimiter = "^"\n', id="a delimiter that is set"),
        pytest.param("t.csv", "\n" + CSV + "\n  \n,,,\n", MAPPING, id="blank lines"),
        pytest.param("t.csv", CSV.replace("ID,", " ID ,"), MAPPING, id="spaces around a name"),
        pytest.param("t.csv.gz", gzip.compress(CSV.encode()), MAPPING, id="gzip"),
        pytest.param("t", CSV, MAPPING, id="no suffix, CSV"),
        pytest.param("t.jsonl", "\n\n".join(map(json.dumps, ROWS)), MAPPING, id="JSON Lines"),
        pytest.param("t.json", json.dumps(ROWS), MAPPING, id="a JSON array"),
        pytest.param("t", json.dumps(ROWS), MAPPING, id="no suffix, JSON"),
        pytest.param("t.json", "\n".join(map(json.dumps, ROWS)), MAPPING, id="lines under the name of an array"),
        pytest.param(
            "t.json", json.dumps({"data": {"tickets": ROWS}}), MAPPING + '[file]\nrecords = "data.tickets"\n', id="an array inside"
        ),
        pytest.param(
            "t.jsonl",
            "\n".join(json.dumps({"a": {"id": row["ID"]}, "s.t": row["Status"], "c": row["Created"]}) for row in ROWS),
            MAPPING.replace('"ID"', '"a.id"').replace('"Status"', '"s.t"').replace('"Created"', '"c"'),
            id="objects in objects, dots in names",
        ),
    ],
)
def test_the_same_rows_in_every_form(tmp_path: Path, name: str, content: str | bytes, mapping: str) -> None:
    survey, said = looked_through(tmp_path, content, mapping, name)
    assert (survey.rows, survey.tickets, dict(survey.refused)) == (2, 2, {})
    assert [(one["ticket_id"], one["status"]) for one in said if one["type"] == "ticket.created"] == [("1", "open"), ("2", "pending")]


def test_another_encoding_is_read_when_it_is_set(tmp_path: Path) -> None:
    content = CSV.replace("Subject", "Größe").replace(",a", ",Süd")
    _, said = looked_through(tmp_path, content.encode("latin-1"), LATIN)
    assert said[0]["team"] == "Süd"
    with pytest.raises(BadExport, match=r'is not written in utf-8: set \[file\] encoding = "cp1252"'):
        looked_through(tmp_path, content.encode("latin-1"))


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.json", "t"])
def test_an_empty_file_tells_nothing(tmp_path: Path, name: str) -> None:
    survey, said = looked_through(tmp_path, "", name=name)
    assert (survey.rows, survey.tickets, survey.as_of_ms, said) == (0, 0, None, [])


def test_a_first_line_alone_tells_nothing(tmp_path: Path) -> None:
    survey, said = looked_through(tmp_path, LINES[0])
    assert (survey.rows, said) == (0, [])


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        pytest.param("3,open,2026-03-01T08:00:00Z", "the row has fewer fields than the first line", id="fewer fields"),
        pytest.param("3,open,2026-03-01T08:00:00Z,a,b", "the row has more fields than the first line", id="more fields"),
        pytest.param(",open,2026-03-01T08:00:00Z,a", "ticket_id is empty", id="no id"),
        pytest.param("3,,2026-03-01T08:00:00Z,a", "status is empty", id="no status"),
        pytest.param("3,open,,a", "opened_at is empty", id="no opening"),
        pytest.param("3,open,yesterday,a", "opened_at is written in another way: set time_format", id="no time"),
        pytest.param("3,open,2027-03-01T08:00:00Z,a", "opened_at lies in the future", id="a time of tomorrow"),
        pytest.param("3,waiting,2026-03-01T08:00:00Z,a", "the status is no word that the mapping knows", id="an unknown status"),
        pytest.param("3" * 201 + ",open,2026-03-01T08:00:00Z,a", "id: Expected `str` of length <= 200", id="an endless id"),
    ],
)
def test_a_bad_row_costs_only_itself(tmp_path: Path, bad: str, why: str) -> None:
    survey, said = looked_through(tmp_path, "\n".join([LINES[0], bad, *LINES[1:]]))
    assert (survey.rows, survey.tickets, sum(survey.refused.values())) == (3, 2, 1)
    assert next(iter(survey.refused)).startswith(why)
    assert {one["ticket_id"] for one in said} == {"1", "2"}


def test_a_quote_that_is_never_closed_takes_what_follows_and_is_told(tmp_path: Path) -> None:
    survey, said = looked_through(tmp_path, CSV + '3,"open,2026-03-01T08:00:00Z,a\n4,open,2026-03-01T08:00:00Z,a\n')
    assert {one["ticket_id"] for one in said} == {"1", "2"}
    assert [reason.partition(" (")[0] for reason in survey.refused] == ["the row has fewer fields than the first line"]


def test_a_bad_object_costs_only_itself(tmp_path: Path) -> None:
    survey, _ = looked_through(tmp_path, "\n".join([json.dumps(ROWS[0]), "{broken", "[1]", json.dumps(ROWS[1])]), name="t.jsonl")
    assert (survey.tickets, dict(survey.refused), survey.rows_of) == (
        2,
        {"the row is no JSON object": 2},
        {"the row is no JSON object": [2, 3]},
    )


def test_an_unknown_status_is_told_with_what_to_add(tmp_path: Path) -> None:
    content = CSV + "3,Waiting on vendor,2026-03-01T08:00:00Z,a\n4,Waiting on vendor,2026-03-01T08:00:00Z,a\n"
    survey, _ = looked_through(tmp_path, content)
    assert survey.unknown_statuses == {"Waiting on vendor": 2}
    text = "\n".join(words_of(survey))
    assert '[words.status]\n    "Waiting on vendor" = "…"    # 2 rows' in text
    assert "refused 2: the status is no word that the mapping knows (row 3, 4)" in text
    survey, _ = looked_through(tmp_path, content, MAPPING + '[words.status]\n"waiting on VENDOR" = "on_hold"\n')
    assert survey.statuses == {"on_hold": 2, "open": 1, "pending": 1}
    survey, _ = looked_through(tmp_path, content, MAPPING + '[words.status]\n"*" = "open"\n')
    assert survey.statuses == {"open": 3, "pending": 1}


@pytest.mark.parametrize(
    ("name", "content"), [pytest.param("t.csv", CSV, id="CSV"), pytest.param("t.jsonl", "\n".join(map(json.dumps, ROWS)), id="JSON Lines")]
)
def test_a_column_that_is_not_there_is_told_with_the_nearest(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises(BadExport, match=r'\[columns\] status = "status ": the export has no such column; the nearest is Status; it has: '):
        looked_through(tmp_path, content, MAPPING.replace('"Status"', '"status "'), name)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        pytest.param("t.csv", "ID,ID,Status,Created\n", "has the column ID 2 times", id="a column twice"),
        pytest.param("t.csv.gz", gzip.compress(CSV.encode())[:-12], "is damaged or ends too early", id="half a gzip"),
        pytest.param("t.json", '{"tickets": []}', r"holds no array of tickets there: set \[file\] records", id="an object"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, name: str, content: str | bytes, said: str) -> None:
    with pytest.raises(BadExport, match=said):
        looked_through(tmp_path, content, name=name)


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        pytest.param("tickets_of = ", "is no TOML", id="no TOML"),
        pytest.param("colums = {}", "the mapping has no colums; the nearest is columns", id="an unknown table"),
        pytest.param(MAPPING + 'priorty = "P"', r"\[columns\] has no priorty; the nearest is priority", id="an unknown field"),
        pytest.param(MAPPING + 'team = "T"\n[constants]\nticket_id = "1"', r"\[constants\] has no ticket_id", id="a constant id"),
        pytest.param(MAPPING.replace('opened_at = "Created"', ""), r"\[columns\] names no column for opened_at", id="no opening"),
        pytest.param(MAPPING.replace('status = "Status"', ""), r"\[columns\] names no column for status", id="no status"),
        pytest.param(MAPPING.replace('tickets_of = "zendesk"', ""), "missing required field `tickets_of`", id="whose tickets"),
        pytest.param('closed = "send"' + MAPPING, r"needs the time of the solve: add solved_at", id="closed tickets without a time"),
        pytest.param(MAPPING + '[words.status]\nA = "waiting"', "it is one of new, open, pending", id="a status that is none"),
        pytest.param('time_zone = "Europe/Berln"' + MAPPING, "Europe/Berln is not the name of a time zone", id="a zone that is none"),
        pytest.param('webhooks_since = "today"' + MAPPING, "webhooks_since: a time is written as in", id="a time that is none"),
        pytest.param(MAPPING + '[file]\nencoding = "utf-9"', "encoding utf-9 is not known", id="an encoding that is none"),
        pytest.param(MAPPING + '[file]\ndelimiter = ";;"', "file.delimiter is one character", id="two characters"),
    ],
)
def test_a_mapping_that_cannot_be_used(tmp_path: Path, mapping: str, said: str) -> None:
    (tmp_path / "map.toml").write_text(mapping)
    with pytest.raises(BadMapping, match=said):
        read_mapping(str(tmp_path / "map.toml"))
