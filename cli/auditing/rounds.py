"""One audit: rounds of questions, each compared at exactly the offsets that its answer includes.

Figures move while they are audited, so both sides are brought to the same place: an answer names the newest offset of every input
that it includes, and the recomputation takes the events up to exactly these. What an entity contributes is then the same on both
sides. What a ledger contributes (repeat contacts, customers, invitations) goes through one more topic: between the two lie
the facts that the entities have written and the ledgers of that board have not read. They are read from `facts` beyond the offset
that the answer names, and for the length of the comparison our ledgers know what the board's knew: of a fact on its
way, the version before, as it stood in `facts` or, where it did not change since the audit began, as it follows from the events.

What is left are instants that nobody can name: a checkpoint so large that its contributions take several records, of which a board
has read the first (it names the same offsets already). So a difference counts only when it is there in every one of N rounds, each
at later offsets than the one before, or, in a system at rest, each with nothing on its way. A wrong figure stays wrong; what
was on its way has arrived. Only questions that differed are asked again.

Laws: a healthy system has no differences however busy it is; a figure that is wrong and stays so is found, whatever the reason;
when figures stand still although records wait for them, that is said and nothing is called equal.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from cli.auditing.api import PATIENCE_SECONDS, Answer, Api, Refused, Unreachable
from cli.auditing.comparison import Difference, Question, differences
from cli.auditing.coverage import Coverage, covered
from cli.auditing.recomputation import FactName, Recomputation
from kpis.query import Query
from kpis.reading import Reader
from schemas.facts import AnyFact, decode_facts
from schemas.figures import Figure
from schemas.topics import EVENTS, FACTS

ReaderAt = Callable[[int], Reader]
"""The figures of the recomputation's cells at an instant (ms)."""
Key = tuple[str, ...]
_MERGE = Question(("ticket.merged",))
"""Under this stand merges whose log was not passed on."""


class Record(Protocol):
    """A record of a topic."""

    @property
    def partition(self) -> int:
        """Its partition."""

    @property
    def offset(self) -> int:
        """Its offset there."""

    @property
    def value(self) -> bytes:
        """What it holds."""


class Records(Protocol):
    """The records of one topic, each given once."""

    def up_to(self, last: Mapping[int, int]) -> AsyncIterator[Record]:
        """Those whose offset is at most the one named for their partition. Raises TimeoutError when none come."""

    async def skip(self, last: Mapping[int, int]) -> None:
        """Leave these out."""

    async def beyond(self) -> Sequence[Record]:
        """All that are there now and were not given yet; they are given later."""

    async def is_anything_beyond(self) -> bool:
        """Whether there is any that was not given yet."""


class Result(NamedTuple):
    """What one audit found: differences that stayed through all rounds, how many figures were compared, at which instant."""

    differences: list[Difference]
    compared: int
    events: int
    rounds: int
    as_of_ms: int
    refused: list[str]


class Suspects:
    """The differences that were there in every round so far, by the question that shows them."""

    def __init__(self) -> None:
        self._open: dict[Question, dict[Key, Difference]] | None = None

    def after(self, found: Mapping[Question, Iterable[Difference]]) -> None:
        """Take one round: what it did not show again is no suspect any more."""
        before = self._open
        self._open = {}
        for question, listed in found.items():
            stayed = {key: d for d in listed if before is None or key_of(d) in before.get(question, {}) for key in (key_of(d),)}
            if stayed:
                self._open[question] = stayed

    @property
    def questions(self) -> list[Question]:
        """What has to be asked again."""
        return list(self._open or {})

    @property
    def differences(self) -> list[Difference]:
        """The suspects, as they were last seen, each once whatever question showed it."""
        found = {key: difference for listed in (self._open or {}).values() for key, difference in listed.items()}
        return list(found.values())


def key_of(difference: Difference) -> Key:
    """What a difference is about, without the two values."""
    return difference[:6]


class Auditor:
    """Compares what the API serves with a recomputation that follows the same topics."""

    def __init__(
        self,
        api: Api,
        again: Recomputation,
        events: Records,
        facts: Records,
        reader_at: ReaderAt,
        coverage: Coverage,
        *,
        wall: bool,
        rounds: int = 5,
        pause_seconds: float = 1.0,
        applied: Callable[[int], None] = lambda events: None,
    ) -> None:
        """`applied` is told how many events each record held that was applied."""
        self._api, self._again, self._events, self._facts = api, again, events, facts
        self._reader_at, self._coverage, self._wall = reader_at, coverage, wall
        self._rounds, self._pause_seconds, self._applied = rounds, pause_seconds, applied
        self._any = Question(())
        self._reached: dict[str, int] = {}
        self._recent: dict[FactName, AnyFact] = {}

    async def run(self, asked: list[Question], tell: Callable[[int], None]) -> Result:
        """Ask everything, and what differs again and again; `tell` is given how many figures were compared. Raises Unreachable."""
        self._any = Question(asked[0].kpis[:1])
        suspects, compared, rounds, refused = Suspects(), 0, 0, []
        answer = await self._begin()
        while rounds == 0 or (suspects.questions and rounds < self._rounds):
            if rounds:
                await self._next_round()
            found: dict[Question, list[Difference]] = {}
            for question in asked if rounds == 0 else [q for q in suspects.questions if q != _MERGE] or asked[:1]:
                try:
                    answer = await self._api.figures(question, self._reached)
                except Refused as error:
                    refused.append(str(error))
                    continue
                listed, count = await self._compared(question, answer)
                found[question] = listed
                if rounds == 0:
                    compared += count
                    tell(count)
            if self._coverage.from_ms is None:  # else some merges lie before what is kept
                found[_MERGE] = [_unpassed(name) for name in self._again.unpassed()]
            suspects.after(found)
            rounds += 1
        return Result(suspects.differences, compared, self._again.events, rounds, answer.as_of_ms, refused)

    async def _begin(self) -> Answer:
        """Come to where the board is, and from then on keep what facts were before they change."""
        self._again.replaced = None
        answer = await self._api.figures(self._any, self._reached)
        await self._advance(answer)
        await self._facts.skip(_offsets(answer.progress, FACTS))
        self._recent = {}
        self._again.watch_facts()
        self._again.cells.prune(answer.as_of_ms)
        # Of what is on its way already nobody knows how it was before: it arrives first.
        on_their_way = {f"{FACTS}-{record.partition}": record.offset for record in await self._facts.beyond()}
        return await self._api.figures(self._any, {**self._reached, **on_their_way})

    async def _compared(self, question: Question, answer: Answer) -> tuple[list[Difference], int]:
        await self._advance(answer)
        served = covered(answer.figures, self._coverage)
        with self._again.with_facts(await self._on_their_way(answer), answer.as_of_ms):
            computed = covered(self._read(question.query(), answer.as_of_ms), self._coverage)
        return differences(served, computed), len(served)

    def _read(self, query: Query, as_of_ms: int) -> list[Figure]:
        return self._reader_at(as_of_ms).read(query)

    async def _advance(self, answer: Answer) -> None:
        def clock_ms(newest_ms: int) -> int:
            return answer.as_of_ms if self._wall else newest_ms

        try:
            async for record in self._events.up_to(_offsets(answer.progress, EVENTS)):
                self._applied(self._again.apply(record.partition, record.value))
                if self._again.due:
                    self._again.fold(clock_ms)
        except TimeoutError as error:
            raise Unreachable(f"the events that the figures include cannot be read: {error}") from None
        self._again.fold(clock_ms)
        self._reached = dict(answer.progress)

    async def _on_their_way(self, answer: Answer) -> dict[FactName, AnyFact | None]:
        """The facts that the board's ledgers lack or have in an earlier version, as the board's ledgers have them."""
        try:
            async for record in self._facts.up_to(_offsets(answer.progress, FACTS)):
                self._recent.update(((fact.key, fact.id), fact) for fact in decode_facts(record.value))
        except TimeoutError as error:
            raise Unreachable(f"the facts that the figures include cannot be read: {error}") from None
        replaced = self._again.replaced or {}
        names = {(fact.key, fact.id) for record in await self._facts.beyond() for fact in decode_facts(record.value)}
        return {n: self._recent[n] if n in self._recent else replaced[n] for n in names if n in self._recent or n in replaced}

    async def _next_round(self) -> None:
        """Return when the board has moved on, or when nothing is on its way to it."""
        began, before = time.monotonic(), self._reached
        while True:
            await asyncio.sleep(self._pause_seconds)
            answer = await self._api.figures(self._any, before)
            if any(offset > before.get(name, -1) for name, offset in answer.progress.items()):
                return
            if not await self._events.is_anything_beyond() and not await self._facts.is_anything_beyond():
                return
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise Unreachable(f"the figures stand still although records wait for {PATIENCE_SECONDS:g} s: is the aggregator running?")


def _offsets(progress: Mapping[str, int], name: str) -> dict[int, int]:
    """The offsets of one topic, by partition."""
    found = (shard.rpartition("-") for shard in progress)
    return {int(number): progress[f"{topic}-{number}"] for topic, _, number in found if topic == name}


def _unpassed(merge: str) -> Difference:
    return Difference("ticket.merged", "-", "-", "-", merge, "log", "not as passed on", "as it follows from the merged ticket")
