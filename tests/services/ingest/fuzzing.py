"""Everything that can come in, at the real door: recorded bodies of all kinds with something wrong in them, signed as their senders do.

    python -m tests.services.ingest.fuzzing --bodies 1000000 --seed 7 [--plain] [--only N]

Laws: no answer is 5xx and nothing is logged at ERROR; only who has proved itself is let in; every delivery has one outcome, and the
counters of `/metrics` add up to what was sent; a delivery that comes again gets the same answer; memory does not grow with what
was sent. Delivery n of a seed is always the same, so `--only` makes a failure again.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import gzip
import json
import logging
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, NamedTuple

import msgspec
import psutil
from prometheus_client.parser import text_string_to_metric_families

from schemas import keys
from schemas.codec import decode_record
from schemas.topics import EVENTS, REJECTED
from services.ingest.app import IngestApp, create_app
from services.ingest.delivery import Delivery
from services.ingest.packer import Record
from services.ingest.providers import PROVIDERS
from services.ingest.signatures import SCHEMES
from services.settings import IngestSettings, Settings
from services.source_settings import SourceSettings
from tests.services.ingest.mutations import Request, known, mutated, of_kind, sent
from tests.services.ingest.senders import NOW_MS, OTHER_SECRET, SECRET, TOKEN

SECRETS = {"PLAIN": SECRET, "HEADER": "X-Desk-Key: s3cret", "BASIC": "hook:s3cret", "PATH_TOKEN": TOKEN}
SECRET_OF_SCHEME = {"static-header": SECRETS["HEADER"], "basic-auth": SECRETS["BASIC"]}
FORGED_OF_SCHEME = {"static-header": "X-Desk-Key: another", "basic-auth": "hook:another"}
ODD_METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "NONSENSE")
MAX_BODY_BYTES = 262_144
TOGETHER = 16
"""Deliveries that are under way at once."""

SPARE_BYTES = 48 * 1024 * 1024
"""What the memory may vary by after the first twentieth of a run."""

REPEAT_BYTES = 1_000
"""What one remembered delivery may take; a source remembers 10,000 of them."""

BOMB = gzip.compress(b" " * (MAX_BODY_BYTES * 40), 9, mtime=0)
"""10 kB that unpack to 10 MB."""

OWN_WAY = "answered its own way"
"""What became of a delivery whose sender wants to read something else than the counts."""

Answered = tuple[int, bytes]


class Shot(NamedTuple):
    """One delivery ready to be sent, and what is known of its answer beforehand. `forged` shows no proof that counts."""

    number: int
    source: str
    kind: str
    path: str
    delivery: Delivery
    forged: bool
    name: str


class Tally:
    """A publisher that acknowledges at once and only counts: an event that goes to every partition once."""

    def __init__(self) -> None:
        self.events = 0
        self.letters = 0

    async def run(self) -> None:
        """Nothing to connect to."""
        await asyncio.Event().wait()

    async def send(self, record: Record) -> None:
        """Count it."""
        if record.topic == EVENTS:
            events, faults = decode_record(record.value)
            assert not faults, faults
            self.events += sum(record.partition == 0 or keys.of(event) != keys.EVERYWHERE for event in events)
        elif record.topic == REJECTED:
            self.letters += 1

    def why_not_ready(self) -> str | None:
        """Always ready."""
        return None


class Errors(logging.Handler):
    """Everything that was logged at ERROR."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        self.lines.append(self.format(record))


class Outcome(NamedTuple):
    """What a run saw: answers by status, deliveries by kind and outcome, the memory in bytes at each twentieth."""

    statuses: Counter[int]
    by_kind: dict[str, Counter[str]]
    resident_bytes: list[int]
    seconds: float


class Range:
    """An app with one source for every kind and every set of options that was recorded, and what is shot at it.

    With `plain` there is one source of each kind, with its default options: a long run fills what a source remembers.
    """

    def __init__(self, seed: int, tally: Tally | None = None, environ: Mapping[str, str] = SECRETS, *, plain: bool = False) -> None:
        self._seed = seed
        self._plain = plain
        self._names: dict[tuple[str, str], str] = {}
        declared: dict[str, SourceSettings] = {}
        for request in known():
            key = self._key(request)
            if key not in self._names:
                name = self._names[key] = f"{request.kind}-{len(self._names)}"
                declared[name] = SourceSettings(
                    kind=request.kind,
                    secret_env=("PLAIN", "HEADER", "BASIC", "SPARE"),
                    token_env=("PATH_TOKEN",),
                    options={} if plain else dict(request.options),
                )
        ingest = IngestSettings(linger_ms=0, max_body_bytes=MAX_BODY_BYTES, public_url="https://desk.example")
        self.settings = Settings(sources=declared, ingest=ingest)
        self.tally = tally or Tally()
        self.kinds = {name: source.kind for name, source in declared.items()}
        self.app: IngestApp = create_app(self.settings, self.tally, lambda: NOW_MS, environ=environ, say=lambda text: None)

    def _key(self, request: Request) -> tuple[str, str]:
        return request.kind, "" if self._plain else json.dumps(request.options, sort_keys=True)

    def shot(self, number: int) -> Shot:
        """Delivery `number` of this seed."""
        random = Random(f"{self._seed}:{number}")
        request = random.choice(of_kind(random.choice(sorted(PROVIDERS))))
        source = self._names[self._key(request)]
        changed = mutated(random, request)
        if random.random() < 0.01:
            changed = changed._replace(
                body=changed.body + b" " * random.choice((MAX_BODY_BYTES - 1000, MAX_BODY_BYTES, 2 * MAX_BODY_BYTES))
            )
        method = random.choice(ODD_METHODS) if random.random() < 0.02 else PROVIDERS[request.kind].methods[0]
        plain = msgspec.structs.replace(sent(changed), method=method)
        forged = random.random() < 0.05
        delivery, path = self._proven(random, plain, source, request.kind, forged=forged)
        delivery = _packed(random, delivery)
        return Shot(number, source, request.kind, path, delivery, forged, request.name)

    def _proven(self, random: Random, delivery: Delivery, source: str, kind: str, *, forged: bool) -> tuple[Delivery, str]:
        """The delivery with a proof of one of its kind's ways, by a secret that is nobody's where it is forged."""
        path = f"/webhooks/{source}"
        schemes = PROVIDERS[kind].schemes
        if not schemes or random.random() < 0.1:
            return delivery, f"{path}/{random.choice(('nobody', '', TOKEN[:-1], TOKEN + 'x')) if forged else TOKEN}"
        name = random.choice(schemes)
        secret = (FORGED_OF_SCHEME if forged else SECRET_OF_SCHEME).get(name, OTHER_SECRET if forged else SECRET)
        url = self.settings.url_of(source)
        try:
            signed = SCHEMES[name].signed(delivery, secret, url)
        except (ValueError, TypeError, RecursionError):
            signed = None  # a body that has no place for this proof
        if signed is None or not SCHEMES[name].accepts(signed, [SCHEMES[name].key(secret)], url):
            return delivery, f"{path}/{'nobody' if forged else TOKEN}"
        return signed, path

    async def fire(self, shot: Shot) -> Answered:
        """Post one delivery, in one piece or several; its status and body."""
        wire = shot.delivery.signed_body if shot.delivery.signed_body is not None else shot.delivery.body
        pieces = [wire] if shot.number % 7 else [wire[:50], b"", wire[50:]]
        messages = [{"type": "http.request", "body": piece, "more_body": n + 1 < len(pieces)} for n, piece in enumerate(pieces)]
        said: list[Any] = []

        async def receive() -> dict[str, Any]:
            return messages.pop(0)

        async def send(message: Any) -> None:
            said.append(message)

        scope = {
            "type": "http",
            "method": shot.delivery.method,
            "path": shot.path,
            "query_string": shot.delivery.query,
            "headers": list(shot.delivery.headers.items()),
        }
        await self.app(scope, receive, send)
        return said[0]["status"], said[1]["body"]

    def remembered(self) -> int:
        """How many deliveries all sources together remember."""
        return sum(len(repeats._taken) for repeats in self.app.deliveries._repeats.values())

    async def counts(self) -> Counter[tuple[str, ...]]:
        """Every counter of `/metrics` as (name, labels in the order of their names)."""
        said: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b""}

        async def send(message: Any) -> None:
            said.append(message)

        scope = {"type": "http", "method": "GET", "path": "/metrics", "query_string": b"", "headers": [], "root_path": "", "scheme": "http"}
        await self.app(scope | {"server": ("desk.example", 443), "client": ("192.0.2.7", 1), "http_version": "1.1"}, receive, send)
        text = b"".join(message.get("body", b"") for message in said).decode()
        found: Counter[tuple[str, ...]] = Counter()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found[sample.name, *(value for _, value in sorted(sample.labels.items()))] += int(sample.value)
        return found


def _packed(random: Random, delivery: Delivery) -> Delivery:
    """The delivery as it is on the wire: now and then packed, packed wrongly, or larger than it looks."""
    how = random.random()
    if how >= 0.06:
        return delivery
    encoding, wire = random.choice(
        (
            (b"gzip", gzip.compress(delivery.body, 1, mtime=0)),
            (b"x-gzip", gzip.compress(delivery.body, 1, mtime=0)),
            (b"deflate", zlib.compress(delivery.body, 1)),
            (b"deflate", zlib.compress(delivery.body, 1)[2:-4]),
            (b"gzip", BOMB),
            (b"gzip", gzip.compress(delivery.body, 1, mtime=0)[:-1]),
            (b"gzip", gzip.compress(delivery.body, 1, mtime=0) + b"more"),
            (b"gzip", delivery.body),
            (b"br", delivery.body),
            (b"identity", delivery.body),
        )
    )
    return msgspec.structs.replace(delivery, headers={**delivery.headers, b"content-encoding": encoding}, signed_body=wire)


async def fuzzed(bodies: int, seed: int, say: Callable[[str], None] = lambda text: None, aim: Range | None = None) -> Outcome:
    """Send so many deliveries. Raises AssertionError at the first thing that must not be."""
    aim = aim or Range(seed)
    errors = Errors()
    logging.getLogger().addHandler(errors)
    began = time.perf_counter()
    statuses: Counter[int] = Counter()
    by_source: dict[str, Counter[str]] = {name: Counter() for name in aim.kinds}
    told: Counter[str] = Counter()
    resident: list[int] = []
    remembered: list[int] = []
    before = await aim.counts()
    events_before = aim.tally.events
    again: list[tuple[Shot, Answered]] = []
    fired = 0
    try:
        for start in range(0, bodies, TOGETHER):
            shots = [aim.shot(number) for number in range(start, min(start + TOGETHER, bodies))]
            repeated, again = again, []
            answers = await asyncio.gather(*(aim.fire(shot) for shot in shots))
            for shot, answer in zip(shots, answers, strict=True):
                by_source[shot.source][_judged(shot, answer)] += 1
                statuses[answer[0]] += 1
                _told(answer, told)
            for shot, answer in repeated:
                second = await aim.fire(shot)
                assert second == answer, f"delivery {shot.number} came again and was answered {second}, at first {answer}"
                by_source[shot.source][_judged(shot, second)] += 1
                statuses[second[0]] += 1
            assert not errors.lines, f"of deliveries {start} to {start + TOGETHER - 1}: {errors.lines[:3]}"
            fired += len(shots) + len(repeated)
            again = [(shot, answer) for shot, answer in zip(shots, answers, strict=True) if shot.number % 19 == 0]
            if start // TOGETHER % max(1, bodies // TOGETHER // 20) == 0:
                gc.collect()
                resident.append(psutil.Process().memory_info().rss)
                remembered.append(aim.remembered())
                say(f"{start:>9,} sent, {resident[-1] >> 20:>5} MiB, {time.perf_counter() - began:>6.0f} s")
    finally:
        logging.getLogger().removeHandler(errors)
    after = await aim.counts()
    after.subtract(before)
    _accounted(after, statuses, by_source, fired, told, aim.tally.events - events_before)
    _flat(resident, remembered)
    by_kind = {kind: sum((by_source[name] for name, of in aim.kinds.items() if of == kind), Counter()) for kind in sorted(PROVIDERS)}
    return Outcome(statuses, by_kind, resident, time.perf_counter() - began)


def _flat(resident: list[int], remembered: list[int]) -> None:
    """From the second twentieth on, memory grows by what is remembered of deliveries, which is bounded, and by nothing else."""
    for size, known_then in list(zip(resident, remembered, strict=True))[1:]:
        allowed = SPARE_BYTES + (remembered[-1] - known_then) * REPEAT_BYTES
        assert resident[-1] - size <= allowed, [f"{one >> 20} MiB" for one in resident]


def _judged(shot: Shot, answer: Answered) -> str:
    """What became of one delivery, as far as its answer tells. Raises AssertionError for an answer that must not be."""
    status, body = answer
    about = f"delivery {shot.number}: {shot.name} of {shot.kind} to {shot.path.partition(TOKEN)[0]} was answered {status} {body[:300]!r}"
    assert status < 500, about
    if shot.delivery.method not in PROVIDERS[shot.kind].methods:
        assert status in (200, 405, 413, 415), about
    elif shot.forged:
        assert status in (401, 413, 415), about
    else:
        assert status != 401, about
        generic = PROVIDERS[shot.kind].generic
        assert status in (200, 201, 202, 204, 413, 415, *((422,) if generic else ())), about
    if status == 422:
        return "rejected"
    if status >= 400:
        return "refused"
    said = _said(body)
    if said is None:
        return OWN_WAY
    return "accepted" if said["accepted"] else "rejected" if said["rejected"] else "ignored"


def _said(body: bytes) -> dict[str, Any] | None:
    """The counts that an answer tells; None of an answer that the provider wants otherwise."""
    if not body.startswith(b'{"accepted":'):
        return None
    found: dict[str, Any] = json.loads(body)
    return found


def _told(answer: Answered, told: Counter[str]) -> None:
    said = _said(answer[1])
    if said is None:
        told["its own way"] += 1
    else:
        told.update({name: said[name] for name in ("accepted", "ignored", "rejected")})


def _accounted(
    counts: Counter[tuple[str, ...]],
    statuses: Counter[int],
    by_source: Mapping[str, Counter[str]],
    fired: int,
    told: Counter[str],
    events: int,
) -> None:
    """Every delivery has one outcome, the answers are those that were given, the events are those that were published."""
    outcomes: Counter[str] = Counter()
    answers: Counter[int] = Counter()
    accepted = repeated = ignored = 0
    for (name, *labels), value in counts.items():
        if name == "deskpulse_ingest_deliveries_total":
            outcomes[labels[0]] += value
            seen = by_source.get(labels[1], Counter())
            if not seen[OWN_WAY]:
                assert value == seen[labels[0]], (labels, value, seen)
        elif name == "deskpulse_ingest_requests_total" and value:
            answers[int(labels[0])] += value
        elif name == "deskpulse_events_accepted_total":
            accepted += value
        elif name == "deskpulse_events_ignored_total":
            ignored += value
        elif name == "deskpulse_ingest_repeated_total":
            repeated += value
    assert set(outcomes) <= {"accepted", "ignored", "rejected", "refused"}, outcomes
    assert sum(outcomes.values()) == fired, (outcomes, fired)
    assert answers == statuses, (answers, statuses)
    assert outcomes["refused"] == sum(count for status, count in statuses.items() if status >= 400 and status != 422), (outcomes, statuses)
    assert accepted == events, (accepted, events)
    assert accepted >= told["accepted"] or repeated, (accepted, told)
    assert all(outcomes[name] for name in ("accepted", "ignored", "rejected", "refused")) or fired < 2000, outcomes
    assert sum(1 for name, *_ in counts if name == "deskpulse_messages_ignored_total") <= _labels_max(), "labels without bound"


def _labels_max() -> int:
    """How many names of ignored messages there can be: those of the tables and `other`, for each source."""
    return len(known()) * max(len(provider.lines) + 1 for provider in PROVIDERS.values())


def main() -> None:
    """Run from the command line; the table at the end says what became of the deliveries of each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bodies", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="one source of each kind, with default options")
    parser.add_argument("--only", type=int, default=None, metavar="N", help="print and send delivery N of the seed alone")
    given = parser.parse_args()
    if given.only is not None:
        aim = Range(given.seed, plain=given.plain)
        shot = aim.shot(given.only)
        print(shot)
        print(asyncio.run(aim.fire(shot)))
        return
    aim = Range(given.seed, plain=given.plain)
    outcome = asyncio.run(fuzzed(given.bodies, given.seed, lambda text: print(text, flush=True), aim))
    columns = ("accepted", "ignored", "rejected", "refused", OWN_WAY)
    print(f"{'kind':20}" + "".join(f"{column:>22}" for column in columns))
    for kind, counts in outcome.by_kind.items():
        print(f"{kind:20}" + "".join(f"{counts[column]:>22,}" for column in columns))
    sums = [sum(counts[column] for counts in outcome.by_kind.values()) for column in columns]
    print(f"{'all':20}" + "".join(f"{count:>22,}" for count in sums))
    print(f"answers: {dict(sorted(outcome.statuses.items()))}")
    print(f"{sum(sums):,} deliveries in {outcome.seconds:,.0f} s, all accounted for; no 5xx, no line at ERROR")


if __name__ == "__main__":
    main()
