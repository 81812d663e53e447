"""Shards alone: what a checkpoint writes, restored, is the shard; what cannot be used is named; repeated records change nothing."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from kpis import batch
from kpis.cells import Cells
from schemas import topics
from schemas.deadletters import DeadLetter
from schemas.differences import decode_differences
from schemas.events import Event, FactWithdrawn, TicketCreated
from schemas.rejections import Reason
from services.aggregator.shard import Outgoing
from tests.kpis.simulated import at_rest
from tests.services.aggregator.shards import LEVELS, NOON_MS, PAIRS, Kept, afternoon, entity_shard, fold_shard, ledger_shard, record

_letter = msgspec.json.Decoder(DeadLetter)


def batch_cells(events: list[Event]) -> Cells:
    """The cells of a batch over the same events."""
    return batch.run(events, levels=LEVELS, pairs=PAIRS).cells


class Line:
    """One partition of everything, driven by hand; `restarts` rebuilds every shard from its state after each checkpoint."""

    def __init__(self, restarts: bool) -> None:
        self.restarts = restarts
        self.shards: list[Any] = [entity_shard(), ledger_shard(), fold_shard()]
        self.kept = [Kept() for _ in self.shards]
        self.logs: dict[str, list[bytes]] = {topics.EVENTS: [], topics.FACTS: [], topics.DIFFERENCES: []}
        self.letters: list[DeadLetter] = []

    def send(self, value: bytes) -> None:
        """Append a record to `events`."""
        self.logs[topics.EVENTS].append(value)

    def pump(self) -> None:
        """Every shard reads what there is and makes a checkpoint, until nothing is left."""
        for _ in range(20):
            for number, shard in enumerate(self.shards):
                log = self.logs[shard.input.topic]
                for offset in range(len(log)):
                    shard.apply(log[offset], offset)
                if shard.changed:
                    self._deliver(number, shard.snapshot(NOON_MS))
            if not any(shard.last_offset + 1 < len(self.logs[shard.input.topic]) for shard in self.shards):
                return
        raise AssertionError("the shards never come to rest")

    def _deliver(self, number: int, outgoing: Outgoing) -> None:
        self.kept[number].keep(self.shards[number], outgoing)
        for (name, _), pairs in outgoing.items():
            if name in self.logs:
                self.logs[name] += [value or b"" for _, value in pairs]
            elif name == topics.REJECTED:
                self.letters += [_letter.decode(value or b"") for _, value in pairs]
        if self.restarts:
            fresh = (entity_shard, ledger_shard, fold_shard)[number]()
            self.kept[number].into(fresh)
            self.shards[number] = fresh

    @property
    def cells(self) -> Cells:
        """The fold's cells."""
        found: Cells = self.shards[2].folded.cells
        return found


@pytest.mark.parametrize("restarts", [False, True], ids=["never restarted", "restarted after every checkpoint"])
def test_a_line_of_shards_is_the_batch(restarts: bool) -> None:
    events = afternoon(60)
    line = Line(restarts)
    for start in range(0, len(events), 17):
        line.send(record(events[start : start + 17]))
        line.pump()
    expected = batch_cells(events)
    newest = max(event.occurred_at_ms for event in events)
    line.cells.prune(newest)
    expected.prune(newest)
    assert at_rest(line.cells) == at_rest(expected)


def test_a_restored_shard_writes_what_the_other_would_have() -> None:
    events = afternoon(40)
    one, other, kept = entity_shard(), entity_shard(), Kept()
    for shard in (one, other):
        shard.apply(record(events[:50]), 0)
    kept.keep(one, one.snapshot(NOON_MS))
    other.snapshot(NOON_MS)
    again = entity_shard()
    kept.into(again)
    assert again.last_offset == 0
    assert not again.changed
    for shard in (again, other):
        shard.apply(record([*events[50:], FactWithdrawn(id="w", source="desk", occurred_at_ms=NOON_MS, of="3-b")]), 1)
    assert again.snapshot(NOON_MS) == other.snapshot(NOON_MS)


def test_a_record_at_or_before_the_last_offset_changes_nothing() -> None:
    shard = entity_shard()
    shard.apply(record(afternoon(3)), 7)
    first = shard.snapshot(NOON_MS)
    shard.apply(record(afternoon(5)), 7)
    shard.apply(record(afternoon(5)), 3)
    assert not shard.changed
    assert first[topics.EVENTS_STATE, 0][-1][0] == topics.MARKER


@pytest.mark.parametrize(
    ("value", "applied", "originals"),
    [
        pytest.param(b"not json", 0, [b"not json"], id="no JSON"),
        pytest.param(b"", 0, [b""], id="nothing"),
        pytest.param(b"\xff\xfe", 0, [b"\xff\xfe"], id="no UTF-8"),
        pytest.param(b"[" * 100_000, 0, [b"[" * 100_000], id="too deep"),
        pytest.param(b'{"type":"ticket.created"}', 0, [b'{"type":"ticket.created"}'], id="no array"),
        pytest.param(b'[1,{"type":"ticket.dreamt"}]', 0, [b"1", b'{"type":"ticket.dreamt"}'], id="strange items"),
        pytest.param(
            record(afternoon(1))[:-1] + b',{"type":"ticket.solved","id":"x"},' + record(afternoon(1, 1))[1:],
            4, [b'{"type":"ticket.solved","id":"x"}'], id="one bad among good",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_decoded_is_a_dead_letter_and_the_rest_counts(value: bytes, applied: int, originals: list[bytes]) -> None:
    shard = entity_shard()
    shard.apply(value, 0)
    written = shard.snapshot(NOON_MS)
    letters = [_letter.decode(value or b"") for _, value in written[topics.REJECTED, 0]]
    assert [base64.b64decode(letter.body_base64) for letter in letters] == originals
    assert {letter.reason for letter in letters} == {Reason.BAD_FIELD.value}
    differences = [decode_differences(value or b"") for _, value in written[topics.DIFFERENCES, 0]]
    assert sum(d.events for d in differences) == applied
    assert shard.last_offset == 0


def test_the_same_letter_is_written_once() -> None:
    line = Line(restarts=False)
    line.send(b"broken")
    line.pump()
    line.pump()
    assert len(line.letters) == 1


def test_a_conflict_is_a_dead_letter_with_the_event() -> None:
    shard = entity_shard()
    event = TicketCreated(id="a", source="desk", occurred_at_ms=NOON_MS, ticket_id="k")
    shard.apply(record([event, msgspec.structs.replace(event, occurred_at_ms=NOON_MS + 1)]), 0)
    letters = [_letter.decode(value or b"") for _, value in shard.snapshot(NOON_MS)[topics.REJECTED, 0]]
    assert [(letter.reason, letter.source) for letter in letters] == [("conflicting_id", "desk")]


def test_large_checkpoints_stay_below_what_a_record_may_be() -> None:
    shard, fold = entity_shard(), fold_shard()
    events = [
        TicketCreated(
            id=f"e{i}", source="desk", occurred_at_ms=NOON_MS + i, ticket_id=f"k{i}", channel="x" * 150 + str(i), customer_id=f"c{i}"
        )
        for i in range(12_000)
    ]
    for offset in range(0, len(events), 500):
        shard.apply(record(events[offset : offset + 500]), offset)
    written = shard.snapshot(NOON_MS)
    for number, (_, value) in enumerate(written[topics.DIFFERENCES, 0]):
        fold.apply(value or b"", number)
    written |= fold.snapshot(NOON_MS)
    sizes = {where: max(len(key or b"") + len(value or b"") for key, value in pairs) for where, pairs in written.items()}
    assert max(sizes.values()) < 1_000_000, sizes
