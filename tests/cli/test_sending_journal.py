"""After a break: what was answered is not sent again, everything is sent, and what was on its way counts once by its ids."""

from __future__ import annotations

import asyncio
import gzip
import os
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from cli.app import run
from cli.batches import Batch, batches, signing_key
from cli.sending import GaveUp, Sender
from cli.sending_journal import ForeignJournal, Journal
from services.settings import Settings, SourceSettings, as_environment
from tests.cli.exported import MAPPING
from tests.cli.fake_ingest import SECRET, FakeIngest, problem
from tests.conftest import REPOSITORY

WAY = {"file": "a", "source": "own"}
TICKETS = 120


def lines_of(count: int = TICKETS) -> list[bytes]:
    """Events of which every third has no id, and many are equal."""
    with_id = [{"type": "ticket.created", "id": f"e{n}", "ticket_id": str(n)} for n in range(count)]
    return [orjson.dumps(event if n % 3 else {"type": "ticket.note", "ticket_id": str(n % 5)}) for n, event in enumerate(with_id)]


def export_of(count: int = TICKETS) -> bytes:
    """An export of so many tickets."""
    return b"ID,Status,Created\n" + b"".join(b"%d,open,2026-03-01T%02d:00:00Z\n" % (n, n % 24) for n in range(count))


# ---- the journal alone ---------------------------------------------------------------------------


@given(noted=st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9), st.integers(0, 3)), max_size=12), torn=st.integers(0, 8))
def test_it_knows_what_was_noted_however_often_it_is_opened_and_wherever_it_was_torn(
    tmp_path_factory: pytest.TempPathFactory, noted: list[tuple[int, int, int]], torn: int
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    expected: set[int] = set()
    for first, count, refused in noted:
        journal = Journal(path, WAY)
        assert {place for place in range(100) if place in journal} == expected
        assert journal.lines == len(expected)
        journal.note(Batch((b"x",) * count, first), refused)
        journal.close(complete=False)
        expected |= set(range(first, first + count))
    if torn and noted:
        whole = path.read_bytes()
        last = whole.rindex(b"\n", 0, -1) + 1
        path.write_bytes(whole[: max(last, len(whole) - torn)])
        first, count, _ = noted[-1]
        expected = {place for place in expected if place not in range(first, first + count)} | (
            {p for f, c, _ in noted[:-1] for p in range(f, f + c)}
        )
    for _ in range(2):
        journal = Journal(path, WAY)
        assert {place for place in range(100) if place in journal} == expected
        journal.close(complete=False)


def test_what_follows_a_damaged_note_is_not_believed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", WAY)
    journal.note(Batch((b"x",), 0), 0)
    journal.close(complete=False)
    with (tmp_path / "j").open("ab") as content:
        content.write(b"\0\0\0\0\n7 1 0\n")
    journal = Journal(tmp_path / "j", WAY)
    assert (0 in journal, 7 in journal, "0" in journal) == (True, False, False)
    journal.close(complete=True)
    assert not (tmp_path / "j").exists()


def test_what_was_refused_before_is_remembered(tmp_path: Path) -> None:
    for refused in (2, 1):
        journal = Journal(tmp_path / "j", WAY)
        journal.note(Batch((b"x",) * 3, 3 * refused), refused)
        journal.close(complete=False)
    journal = Journal(tmp_path / "j", WAY)
    assert (journal.lines, journal.refused) == (6, 3)
    journal.close(complete=False)


@pytest.mark.parametrize(
    ("content", "again", "said"),
    [
        pytest.param(b"something of yours", False, "is no journal of deskpulse send", id="no journal"),
        pytest.param(b"something of yours", True, "is no journal of deskpulse send", id="nothing of yours is overwritten"),
        pytest.param(b'{"deskpulse_send": 1, "file": "b", "source": "own"}\n', False, r"another sending \(other: file", id="another file"),
        pytest.param(b'{"deskpulse_send": 1, "file": "a", "source": "b"}\n', False, r"\(other: source\)", id="another source"),
    ],
)
def test_a_journal_of_something_else_is_refused(tmp_path: Path, content: bytes, again: bool, said: str) -> None:
    (tmp_path / "j").write_bytes(content)
    with pytest.raises(ForeignJournal, match=said):
        Journal(tmp_path / "j", WAY, again=again)
    assert (tmp_path / "j").read_bytes() == content


@pytest.mark.parametrize("break_at", [1, 2, 5, 9, 12])
async def test_a_sending_that_gave_up_goes_on_where_it_ended(tmp_path: Path, break_at: int) -> None:
    lines = lines_of()
    ingest = FakeIngest(lambda turn, events: problem(401, "no") if turn == break_at else None)
    async with ingest.running() as url:
        for attempt in range(2):
            journal = Journal(tmp_path / "j", WAY)
            sender = Sender(f"{url}/webhooks/own", signing_key(SECRET), connections=1, answered=journal.note)
            cut = batches(lines, 10, 100_000, journal)
            if attempt == 0:
                with pytest.raises(GaveUp):
                    await sender.send(cut)
            else:
                await sender.send(cut)
            journal.close(complete=attempt == 1)
    assert ingest.accepted == lines, "one connection: nothing twice, in order"


# ---- the command -------------------------------------------------------------------------------


class Command:
    """`deskpulse send` with a data directory of its own, against an ingest of the tests."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        source = SourceSettings(kind="standardwebhooks", secret_env=("OWN",))
        settings = Settings(data_dir=folder / "data", sources={"own": source, "other": source})
        self.environment = {**as_environment(settings), "OWN": SECRET}
        self._always = ["--url", url, "--batch", "10", "--patience", "5", "--json"]

    async def start(self, file: Path, *more: str, source: str = "own") -> asyncio.subprocess.Process:
        """The running command."""
        arguments = ["send", str(file), "--source", source, *self._always, *more]
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "cli.app",
            *arguments,
            cwd=REPOSITORY,
            env={**os.environ, **self.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def __call__(self, file: Path, *more: str, source: str = "own") -> tuple[int | None, Any, str]:
        """Its exit code, what it prints, what it says."""
        process = await self.start(file, *more, source=source)
        out, said = await process.communicate()
        return process.returncode, orjson.loads(out) if out else None, " ".join(said.decode().split())

    @property
    def journals(self) -> list[Path]:
        """Those that are left."""
        return list((self.folder / "data" / "send").glob("*.journal"))


def ids(events: Iterable[bytes]) -> Counter[str]:
    """How often each event came."""
    return Counter(orjson.loads(event)["id"] for event in events)


@pytest.mark.parametrize(
    ("name", "content", "more"),
    [
        pytest.param("events.jsonl", b"\n".join(lines_of()), (), id="JSON Lines"),
        pytest.param("events.jsonl.gz", gzip.compress(b"\n".join(lines_of())), (), id="gzip"),
        pytest.param("export.csv", export_of(TICKETS // 2), ("--map", "map.toml"), id="an export"),
        pytest.param(
            "events.jsonl", b"\n".join(lines_of()), ("--shuffle-seconds", "9", "--repeat-share", "0.3", "--seed", "4"), id="disturbed"
        ),
    ],
)
@pytest.mark.parametrize("killed_at", [1, 7])
async def test_killed_at_any_point_and_started_again_it_is_sent_once(
    tmp_path: Path, name: str, content: bytes, more: tuple[str, ...], killed_at: int
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "map.toml").write_text(MAPPING.replace("zendesk", "own"))
    more = tuple(str(tmp_path / part) if part == "map.toml" else part for part in more)
    whole = FakeIngest()
    async with whole.running() as url:
        code, told, _ = await Command(tmp_path / "other", url)(tmp_path / name, *more)
        assert (code, told["accepted"]) == (0, len(whole.accepted))

    process: asyncio.subprocess.Process | None = None

    def answer(turn: int, events: list[bytes]) -> web.Response | None:
        if turn == killed_at and process is not None:
            process.kill()
        return None

    ingest = FakeIngest(answer)
    async with ingest.running() as url:
        command = Command(tmp_path, url)
        process = await command.start(tmp_path / name, *more, "--connections", "2")
        await process.communicate()
        assert process.returncode == -9
        process = None
        assert len(command.journals) == 1
        code, told, said = await command(tmp_path / name, *more)
        assert (code, told["failure"]) == (0, None)
        assert told["answered_before"] + told["accepted"] == len(whole.accepted)
        assert ("going on after" in said) == bool(told["answered_before"])
        assert command.journals == []
    assert ids(ingest.accepted).keys() == ids(whole.accepted).keys()
    twice = sum(ids(ingest.accepted).values()) - sum(ids(whole.accepted).values())
    assert 0 <= twice <= 3 * 10, "at most what was on its way"


def test_a_journal_of_another_file_or_source_is_refused_and_again_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = Command(tmp_path, "http://127.0.0.1:1")
    for variable, value in command.environment.items():
        monkeypatch.setenv(variable, value)
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(lines_of()[0] + name.encode())

    def sent(name: str, *more: str, source: str = "own") -> tuple[int, str]:
        arguments = ["--source", source, "--url", "http://127.0.0.1:1", "--patience", "0", "--journal", str(tmp_path / "j"), *more]
        code = run(["send", str(tmp_path / name), *arguments])
        return code, " ".join(capsys.readouterr().err.split())

    code, said = sent("a")
    assert (code, "no answer" in said) == (1, True)
    code, said = sent("b")
    assert (code, "is the journal of another sending (other: file)" in said) == (2, True)
    code, said = sent("a", source="other")
    assert (code, "(other: source)" in said) == (2, True)
    code, said = sent("b", "--again")
    assert (code, "no answer" in said) == (1, True)
    assert run(["send", "-", "--journal", str(tmp_path / "j")]) == 2


async def test_a_file_that_was_sent_is_sent_whole_again_with_the_same_ids(tmp_path: Path) -> None:
    ingest = FakeIngest()
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(lines_of()))
    async with ingest.running() as url:
        command = Command(tmp_path, url)
        for _ in range(2):
            code, told, _ = await command(tmp_path / "events.jsonl")
            assert (code, told["accepted"], told["answered_before"]) == (0, TICKETS, 0)
    assert set(ids(ingest.accepted).values()) == {2}


async def test_a_file_that_cannot_be_read_to_its_end_is_told_and_keeps_its_journal(tmp_path: Path) -> None:
    ingest = FakeIngest()
    (tmp_path / "events.jsonl.gz").write_bytes(gzip.compress(b"\n".join(lines_of()))[:-20])
    async with ingest.running() as url:
        command = Command(tmp_path, url)
        code, told, _ = await command(tmp_path / "events.jsonl.gz")
        assert (code, len(command.journals)) == (1, 1)
        assert "cannot be read" in told["failure"]
