"""A run: troubles one after the other at seeded moments under load, and the verdict over all that was acknowledged."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec

from cli.compute import cells_of, reader_of
from cli.demo_proof import Proof
from schemas import topics
from schemas.deadletters import DeadLetter
from schemas.rejections import Reason
from services.kafka import read_partition
from services.settings import topic
from tests.faults.served import served
from tests.faults.troubles import Trouble
from tests.faults.verdict import Verdict, compared, kept, of_cells
from tests.faults.world import World, world

Say = Callable[[str], None]


class Struck(NamedTuple):
    """One trouble as it went: `at` is how many deliveries were acknowledged when it began."""

    name: str
    at: int
    seconds: float
    limit_seconds: float | None
    seen: str
    verdict: Verdict | None = None

    @property
    def in_time(self) -> bool:
        """Whether figures moved again as soon as is promised."""
        return self.limit_seconds is None or self.seconds <= self.limit_seconds


class Ended(NamedTuple):
    """A whole run: the troubles, and what holds at the end."""

    seed: int
    struck: list[Struck]
    verdict: Verdict
    acknowledged: int
    missing: list[tuple[str, str]]
    posted_again: int
    events: int
    trimmed: int
    letters: dict[str, int]
    letters_expected: int
    too_large_expected: int
    served: Proof

    def faults(self) -> list[str]:
        """What does not hold, in words; empty when all does."""
        found = [f"{s.name}: figures moved after {s.seconds:.1f} s, promised {s.limit_seconds:g} s" for s in self.struck if not s.in_time]
        found += [f"after {s.name}: {s.verdict.text()}" for s in self.struck if s.verdict is not None and not s.verdict.holds]
        if not self.verdict.holds:
            found.append(self.verdict.text())
        if self.missing:
            found.append(f"{len(self.missing)} acknowledged deliveries are not in events, such as {self.missing[:3]}")
        if not self.trimmed:
            found.append("the input was never trimmed: a lost state could have hidden behind a replay")
        too_large = self.letters.get(Reason.ENTITY_TOO_LARGE, 0)
        if sum(self.letters.values()) - too_large != self.letters_expected or too_large < self.too_large_expected:
            expected = f"{self.letters_expected} dead letters for poison and at least {self.too_large_expected} for what is too large"
            found.append(f"{expected} were expected, {self.letters} are there")
        if self.served.differences or not self.served.compared:
            found.append(f"{len(self.served.differences)} served fields differ, such as {self.served.differences[:3]}")
        return found


async def run(
    folder: Path,
    troubles: Sequence[Trouble],
    seed: int,
    events: int,
    *,
    per_second: float = 150.0,
    check_each: bool = False,
    totals_only: bool = False,
    say: Say = print,
) -> Ended:
    """Strike with every trouble once, in a seeded order, at seeded moments among so many deliveries; they all need the same brokers."""
    rng = Random(seed)
    order = rng.sample(list(troubles), len(troubles))
    moments = sorted(rng.uniform(0.02, 0.9) * events for _ in order)
    struck: list[Struck] = []
    async with world(folder, seed, brokers=troubles[0].brokers, per_second=per_second, say=say) as broken:
        for trouble, moment in zip(order, moments, strict=True):
            await _reached(broken, int(moment))
            if trouble.limit_seconds is not None:  # what is promised is promised of an installation that is whole
                await broken.ready("ingest", "api", *broken.workers)
            at = len(broken.load.acknowledged)
            say(f"{at:>8,}  {trouble.name}: {trouble.does}")
            try:
                seconds, seen = await trouble.strike(broken, rng)
            except AssertionError as error:
                error.add_note(f"{trouble.name}, seed {seed}, after {at:,} deliveries; the logs are in {folder / 'logs'}")
                raise
            verdict = await _checked(broken) if check_each else None
            struck.append(Struck(trouble.name, at, seconds, trouble.limit_seconds, seen, verdict))
            say(f"{'':>8}  figures moved after {seconds:.1f} s ({seen})" + (f"; {verdict.text()}" if verdict is not None else ""))
        await _reached(broken, events)
        say(f"{len(broken.load.acknowledged):>8,}  waiting until everything is in the cells")
        await broken.settle()
        say(f"{'':>8}  comparing")
        return await _ended(broken, seed, struck, totals_only)


async def _reached(broken: World, deliveries: int) -> None:
    while len(broken.load.acknowledged) < deliveries:
        broken.fail_if_ended()
        await asyncio.sleep(0.05)


async def _checked(broken: World) -> Verdict:
    """The verdict over all so far; the load rests meanwhile."""
    await broken.settle()
    now_ms = broken.tape.newest_ms
    found = await kept(broken.inside, now_ms)
    expected = await asyncio.to_thread(lambda: of_cells(cells_of(broken.tape.read(), broken.settings, now_ms).cells, now_ms))
    broken.load.resume()
    return compared(expected, found)


async def _ended(broken: World, seed: int, struck: list[Struck], totals_only: bool) -> Ended:
    now_ms = broken.tape.newest_ms
    found = await kept(broken.inside, now_ms)
    done = await asyncio.to_thread(cells_of, broken.tape.read(), broken.settings, now_ms)
    proof = await served(broken.settings, lambda at_ms: reader_of(done, broken.settings, at_ms), totals_only=totals_only)
    letters: Counter[str] = Counter()
    async for record in read_partition(broken.inside, topic(broken.inside, topics.REJECTED), 0):
        letter = msgspec.json.decode(record.value, type=DeadLetter)
        letters[letter.reason] += letter.part == 0
    acknowledged = broken.load.acknowledged
    return Ended(
        seed=seed,
        struck=struck,
        verdict=compared(of_cells(done.cells, now_ms), found),
        acknowledged=len(acknowledged),
        missing=[(source, known) for source, known in acknowledged if not broken.tape.holds(source, known)],
        posted_again=broken.load.posted_again,
        events=broken.tape.events,
        trimmed=broken.trimmed,
        letters=dict(letters),
        letters_expected=broken.poisoned,
        too_large_expected=broken.too_large,
        served=proof,
    )
