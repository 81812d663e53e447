"""The files of an archive: what is read is what was published, whatever was killed, doubled or torn."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.archiving import parquet
from cli.archiving.layout import Contents, Hole, Piece, piece_from
from cli.archiving.parquet import LibraryMissing, decoded
from cli.archiving.restoring import in_order_of_receipt, usable
from cli.archiving.rows import WHOLE, Row, records, rows_of
from cli.archiving.store import ArchiveUnusable, Store
from schemas.codec import encode_event, join_events
from schemas.events import Event, FactWithdrawn, TicketAbsorbed, TicketCreated
from tests.services.aggregator.shards import NOON_MS, afternoon

DAY_MS = 86_400_000
EVENTS = st.lists(st.sampled_from([encode_event(event) for event in afternoon(12)]), min_size=0, max_size=8)
GARBAGE = st.sampled_from([b"", b"nonsense", b"{}", b"[1,", b'[{"type":"ticket.created"}]', b"[null, 3]"])
VALUES = st.one_of(EVENTS.map(join_events), GARBAGE)


def created(number: int, received_at_ms: int, partition: int = 0, offset: int | None = None) -> Row:
    """An archived event of its own ticket."""
    event = TicketCreated(id=f"e{number}", source="desk", occurred_at_ms=NOON_MS, received_at_ms=received_at_ms, ticket_id=f"t{number}")
    return rows_of(partition, number if offset is None else offset, join_events([encode_event(event)]))[0]


@given(st.lists(VALUES, max_size=12))
def test_a_file_gives_back_every_record_byte_for_byte(values: list[bytes]) -> None:
    rows = [row for offset, value in enumerate(values) for row in rows_of(3, offset, value)]
    import io

    back = list(decoded(io.BytesIO(parquet.encoded(rows))))
    assert back == rows
    rebuilt = {
        found[0].offset: found[0].event if found[0].ordinal == WHOLE else join_events(row.event for row in found)
        for found in records(iter(back))
    }
    for offset, value in enumerate(values):
        if value not in (b"[]", b"[null, 3]"):
            assert rebuilt[offset] == value
    assert [row.event for row in back if row.offset in rebuilt and values[row.offset] == b"[null, 3]"] in (
        [],
        [b"null", b"3"] * values.count(b"[null, 3]"),
    )


@given(st.integers(0, 2**40), st.integers(0, 10**6), st.integers(0, 999))
def test_a_name_says_what_a_file_covers(first: int, more: int, partition: int) -> None:
    piece = Piece("2026-11-22", partition, first, first + more)
    assert piece_from(f"some/where/{piece.path}") == piece
    assert piece_from(piece.path + ".unfinished") is None
    assert piece_from("date=2026-11-22/partition=1/notes.parquet") is None


@pytest.mark.parametrize(
    ("spans", "holes", "following"),
    [
        pytest.param([(0, 4), (5, 9)], [], 10, id="tiled"),
        pytest.param([(3, 4), (5, 9)], [], 10, id="begins late"),
        pytest.param([(5, 9), (0, 2)], [Hole(0, 3, 4)], 10, id="a hole"),
        pytest.param([(0, 9), (2, 3), (12, 12)], [Hole(0, 10, 11)], 13, id="doubled, then a hole"),
    ],
)
def test_holes_follow_from_the_names(spans: list[tuple[int, int]], holes: list[Hole], following: int) -> None:
    contents = Contents(Piece("2026-11-22", 0, first, last) for first, last in spans)
    assert contents.holes() == holes
    assert contents.next_offset(0) == following
    assert contents.next_offset(1) is None


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store in a folder, and one that is reached through fsspec's own file system."""
    if request.param == "folder":
        yield Store(str(tmp_path / "archive"))
        return
    import fsspec

    address = f"memory://archive-{tmp_path.name}"
    yield Store(address)
    fsspec.filesystem("memory").rm(address, recursive=True)


def test_offsets_that_two_files_cover_are_read_once(store: Store) -> None:
    rows = [created(number, NOON_MS) for number in range(10)]
    day = "2026-09-14"
    for first, last in ((0, 5), (3, 7), (8, 9), (4, 5)):
        store.write(Piece(day, 0, first, last), rows[first : last + 1])
    contents = store.contents()
    assert contents.holes() == []
    assert list(store.rows(contents, 0)) == rows
    assert list(store.rows(contents, 0, from_offset=4)) == rows[4:]


def test_an_empty_place_holds_nothing(store: Store) -> None:
    if store.shown.startswith("memory"):
        store.write(Piece("2026-09-14", 7, 0, 3), [])  # a file that covers offsets without records
        assert store.contents().next_offset(7) == 4
        assert list(store.rows(store.contents(), 7)) == []
    else:
        assert store.contents().partitions == ()


def test_a_folder_has_one_writer_and_forgets_what_a_killed_one_left(tmp_path: Path) -> None:
    address = str(tmp_path / "archive")
    first, second = Store(address), Store(address)
    left = tmp_path / "archive" / (Piece("2026-09-14", 0, 0, 3).path + ".unfinished")
    left.parent.mkdir(parents=True)
    left.write_bytes(b"PAR1 half")
    assert first.contents().partitions == ()
    with first.one_writer():
        assert not left.exists()
        with pytest.raises(ArchiveUnusable, match="another `deskpulse archive run`"), second.one_writer():
            pass
    with second.one_writer():
        pass


def test_a_file_that_is_not_ours_is_named(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    piece = Piece("2026-09-14", 0, 0, 3)
    (tmp_path / piece.path).parent.mkdir(parents=True)
    (tmp_path / piece.path).write_bytes(b"PAR1 but no more")
    with pytest.raises(ArchiveUnusable, match="offset-00000000000000000000"):
        list(store.read(piece))


@pytest.mark.parametrize("address", ["nonsense://bucket/x", "ftpx://user:secret@host/x"])
def test_an_address_nobody_knows_is_refused_without_its_secrets(address: str) -> None:
    with pytest.raises(ArchiveUnusable) as caught:
        Store(address)
    assert "secret" not in str(caught.value)


def test_a_missing_library_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(LibraryMissing, match=r"pyarrow is not installed.*deskpulse\[archive\]"):
        parquet.encoded([])


def test_partitions_are_merged_in_the_order_of_receipt(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    day_0, day_1 = "2026-09-14", "2026-09-15"
    late = NOON_MS + DAY_MS
    store.write(Piece(day_0, 0, 0, 1), [created(0, NOON_MS + 1), created(1, NOON_MS + 5)])
    store.write(Piece(day_1, 0, 2, 3), [created(2, late + 2), created(3, NOON_MS)])  # the last one is older than what came before it
    store.write(Piece(day_0, 1, 0, 0), [created(4, NOON_MS + 3, partition=1, offset=0)])
    store.write(Piece(day_1, 1, 1, 1), [created(5, late + 1, partition=1, offset=1)])
    contents = store.contents()
    assert [row.id for row in in_order_of_receipt(store, contents)] == ["e0", "e4", "e1", "e5", "e2", "e3"]
    assert [row.id for row in in_order_of_receipt(store, contents, late)] == ["e5", "e2"]


def test_what_is_restored_is_what_sources_sent_each_once() -> None:
    events: list[Event] = [*afternoon(2), FactWithdrawn(id="w", source="desk", occurred_at_ms=1, received_at_ms=1, of="0-a")]
    absorbed = TicketAbsorbed(id="merge:desk:k1", source="desk", occurred_at_ms=1, received_at_ms=1, ticket_id="k0", log=())
    value = join_events(encode_event(event) for event in [*events, absorbed])
    rows = [*rows_of(0, 0, value), *rows_of(1, 0, join_events([encode_event(events[-1])])), *rows_of(1, 1, b"nonsense")]
    counts: dict[str, Any] = {"events": 0, "own": 0, "unreadable": 0}
    assert [row.event for row in usable(iter(rows), counts)] == [encode_event(event) for event in events]
    assert counts == {"events": 5, "own": 1, "unreadable": 1}
