"""A company with an API for the audit, without Kafka: real shards, real cells, and traffic between any two answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from cli.auditing.api import Answer
from cli.auditing.comparison import Question, questions
from cli.auditing.coverage import Coverage
from cli.auditing.recomputation import Recomputation
from cli.auditing.rounds import Auditor, Result
from kpis.catalogue import KPIS, by_id
from kpis.cells import Cells
from kpis.controls import DEFAULT
from kpis.folding import Folded
from kpis.reading import Reader
from schemas import keys, topics
from schemas.codec import encode_event, join_events
from schemas.differences import Differences, decode_differences
from schemas.events import Event
from services.aggregator.ledgers import LedgerShard
from services.api.declared import entry_of
from services.partition import partition_of
from tests.services.aggregator.shards import LEVELS, NOON_MS, PAIRS, entity_shard, ledger_shard

Spoil = Callable[[Differences], Differences | None]


class Kept(NamedTuple):
    """A record of a topic."""

    partition: int
    offset: int
    value: bytes


class Log:
    """A topic, and a reader of it as the audit wants one."""

    def __init__(self, partitions: int) -> None:
        self.records: list[list[Kept]] = [[] for _ in range(partitions)]
        self._given = [0] * partitions

    def append(self, partition: int, value: bytes) -> None:
        """One record more."""
        self.records[partition].append(Kept(partition, len(self.records[partition]), value))

    async def up_to(self, last: Mapping[int, int]) -> AsyncIterator[Kept]:
        """See Records."""
        for partition, offset in last.items():
            while self._given[partition] <= offset:
                self._given[partition] += 1
                yield self.records[partition][self._given[partition] - 1]

    async def skip(self, last: Mapping[int, int]) -> None:
        """See Records."""
        for partition, offset in last.items():
            self._given[partition] = max(self._given[partition], offset + 1)

    async def beyond(self) -> Sequence[Kept]:
        """See Records."""
        return [record for partition, given in enumerate(self._given) for record in self.records[partition][given:]]

    async def is_anything_beyond(self) -> bool:
        """See Records."""
        return bool(await self.beyond())


class Company:
    """Shards that read, write and fall behind at random, and a board; each question finds them a few steps further.

    A `whole` board never shows half of a checkpoint. `spoil` sees each record of differences before the board does: it may change
    it or, with None, lose it; `lose_fact` does the same to the ledgers' input.
    """

    def __init__(
        self,
        events: Sequence[Event],
        rng: Random,
        *,
        partitions: int = 2,
        whole: bool = False,
        spoil: Spoil = lambda record: record,
        lose: Callable[[str, bytes], bool] = lambda topic, value: False,
    ) -> None:
        self.waiting = list(events)
        self.asked = 0
        self._rng, self._whole, self._spoil, self._lose, self._partitions = rng, whole, spoil, lose, partitions
        self.events, self.facts, self.differences = Log(partitions), Log(partitions), Log(1)
        self._ends: set[int] = set()
        """The offsets in `differences` at which a checkpoint is whole."""
        self._entities = [entity_shard(number, partitions) for number in range(partitions)]
        self._ledgers = [ledger_shard(number) for number in range(partitions)]
        self.folded = Folded(Cells(LEVELS, PAIRS))

    # ---- what happens --------------------------------------------------------------------------

    def step(self) -> None:
        """One thing happens somewhere."""
        rng = self._rng
        what, number = rng.randrange(6), rng.randrange(self._partitions)
        if what == 0:
            self._publish(rng.randint(1, 2))
        elif what == 1:
            self._read(self._entities[number], self.events, rng.randint(1, 9))
        elif what == 2:
            self._checkpoint(self._entities[number])
        elif what == 3:
            self._read(self._ledgers[number], self.facts, rng.randint(1, 9))
        elif what == 4:
            self._checkpoint(self._ledgers[number])
        else:
            self._show(rng.randint(1, 30))

    def _publish(self, count: int) -> None:
        for event in self.waiting[:count]:
            key = keys.of(event)
            for partition in range(self._partitions) if key == keys.EVERYWHERE else [partition_of(key, self._partitions)]:
                self.events.append(partition, join_events([encode_event(event)]))
        del self.waiting[:count]

    def _read(self, shard: Any, log: Log, count: int) -> None:
        for record in log.records[shard.input.partition][shard.last_offset + 1 :][:count]:
            shard.apply(record.value, record.offset)

    def _checkpoint(self, shard: Any) -> None:
        if not shard.changed:
            return
        for (topic, partition), pairs in shard.snapshot(NOON_MS).items():
            for _, value in pairs:
                if self._lose(topic, value or b""):
                    continue
                if topic == topics.EVENTS:
                    self.events.append(partition, value or b"")
                elif topic == topics.FACTS and not isinstance(shard, LedgerShard):
                    self.facts.append(partition, value or b"")
                elif topic == topics.DIFFERENCES:
                    self.differences.append(0, value or b"")
        self._ends.add(len(self.differences.records[0]) - 1)

    def _show(self, count: int) -> None:
        for record in self.differences.records[0][self.folded.offset + 1 :]:
            spoilt = self._spoil(decode_differences(record.value))
            if spoilt is not None:
                self.folded.add(spoilt, record.offset)
            self.folded.offset = record.offset
            count -= 1
            if count <= 0 and (not self._whole or record.offset in self._ends):
                return

    # ---- what is asked -------------------------------------------------------------------------

    async def catalogue(self) -> list[dict[str, Any]]:
        """See Api."""
        return [entry_of(kpi) for kpi in KPIS]

    async def figures(self, question: Question, at_least: Mapping[str, int]) -> Answer:
        """See Api."""
        self.asked += 1
        for _ in range(self._rng.randint(0, 12)):
            self.step()
        for _ in range(20_000):
            progress = {name: shard.last_offset for name, shard in self.folded.shards.items()} | {"differences-0": self.folded.offset}
            if self.folded.newest_ms and all(progress.get(name, -1) >= offset for name, offset in at_least.items()):
                break
            self.step()
        now = self.folded.newest_ms
        figures = reader(self.folded.cells, now).read(question.query()) if now else []
        return Answer(figures, progress, now)

    async def audit(self, rounds: int, totals_only: bool = False) -> Result:
        """One whole audit of this company, or one of the totals."""
        again = Recomputation(partitions=self._partitions, levels=LEVELS, pairs=PAIRS, controls=DEFAULT, retention_days=21)
        auditor = Auditor(
            self, again, self.events, self.facts, lambda at_ms: reader(again.cells, at_ms), Coverage(by_id(KPIS)),
            wall=False, rounds=rounds, pause_seconds=0,
        )  # fmt: skip
        asked = list(questions(await self.catalogue(), PAIRS))
        return await auditor.run(asked[:1] if totals_only else asked, lambda count: None)


def reader(cells: Cells, now_ms: int) -> Reader:
    """The figures of some cells."""
    return Reader(cells, now_ms=now_ms, watermark_ms=None, kpis=KPIS)
