"""How long does one delivery of each provider keep a core busy: to verify, to translate, to judge? Target: at most 200 µs.

Takes what was recorded of every kind, signed as its sender signs, and measures on one core: `verify` is the proof of the sender,
`translate` the adapter, `judge` the door's own work on what came of it (decode to an event, check, encode for its partition).
Median and maximum are over the recordings of a kind, each the median of its rounds, and the best of three such medians where it
comes near the target. Then the mix of all of them goes through the whole application, in one process without a broker, and over
HTTP with one (not with --short).
Exits 1 when verify and translate of the slowest recording of a kind take more than the target.

    python -m benchmarks.providers [--short] [--seconds 5] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec

from benchmarks.over_http import Writer, arguments, measure
from schemas.rejections import Rejected
from services.ingest.admission import admitted, packed
from services.ingest.app import create_app, wall_clock_ms
from services.ingest.delivery import Delivery, WrongContentType
from services.ingest.packer import Record
from services.ingest.providers import PROVIDERS
from services.ingest.signatures import SCHEMES
from services.ingest.sources import Proof, Source, source_of
from services.settings import IngestSettings, Settings
from services.source_settings import SourceSettings
from tests.services.ingest.mutations import Request, known, sent

TARGET_US = 200.0
PARTITIONS = 8
SECRETS = {"BENCHMARK_SECRET": "whsec_YSBrZXkgdGhhdCBpcyBvbmx5IGZvciB0aGlzIHRlc3Q=", "BENCHMARK_TOKEN": "a-token-for-the-path"}
_SECRET_OF_SCHEME = {"static-header": "X-Desk-Key: s3cret", "basic-auth": "hook:s3cret"}


class Cost(NamedTuple):
    """What one recording costs, in microseconds of CPU; `events` are those that come of it."""

    request: Request
    verify_us: float
    translate_us: float
    judge_us: float
    events: int

    @property
    def adapter_us(self) -> float:
        """What the provider answers for."""
        return self.verify_us + self.translate_us


def settings_of(kinds: Iterable[str], **sections: Any) -> Settings:
    """One source of each kind, that can be proved in the kind's first way and by the token."""
    sources = {kind: SourceSettings(kind=kind, secret_env=(f"BENCHMARK_{kind.upper()}",), token_env=("BENCHMARK_TOKEN",)) for kind in kinds}
    return Settings(sources=sources, **sections)


def secret_of(kind: str) -> str:
    """A secret in the form of the kind's first scheme."""
    return _SECRET_OF_SCHEME.get(next(iter(PROVIDERS[kind].schemes), ""), SECRETS["BENCHMARK_SECRET"])


def environ() -> dict[str, str]:
    """The secrets of all sources."""
    return {**SECRETS, **{f"BENCHMARK_{kind.upper()}": secret_of(kind) for kind in PROVIDERS}}


def proved(request: Request, settings: Settings, now_ms: int) -> tuple[Delivery, str | None]:
    """The delivery as its sender signs it, or as it is with the token of the path where the kind has no scheme for it."""
    delivery = msgspec.structs.replace(sent(request, now_ms), method=PROVIDERS[request.kind].methods[0])
    for name in PROVIDERS[request.kind].schemes[:1]:
        secret, url = secret_of(request.kind), settings.url_of(request.kind)
        try:
            signed = SCHEMES[name].signed(delivery, secret, url)
        except (ValueError, TypeError):
            break
        if SCHEMES[name].accepts(signed, [SCHEMES[name].key(secret)], url):
            return signed, None
    return delivery, SECRETS["BENCHMARK_TOKEN"]


def cost_of(request: Request, rounds: int) -> Cost:
    """What one recording costs, with the options it was made with."""
    settings = settings_of([request.kind])
    declared = settings.sources[request.kind].model_copy(update={"options": dict(request.options)})
    source = source_of(request.kind, declared, settings, environ())
    delivery, token = proved(request, settings, wall_clock_ms())
    assert source.proof(delivery, token) is not Proof.NONE
    items = _translated(source, delivery)

    def judge() -> int:
        events = 0
        for item in items:
            try:
                events += len(packed(admitted(item, source, delivery.received_at_ms)[0], PARTITIONS))
            except Rejected:
                continue
        return events

    def measured() -> Cost:
        verify_us = micros(lambda: source.proof(delivery, token), rounds)
        return Cost(request, verify_us, micros(lambda: _translated(source, delivery), rounds), micros(judge, rounds), judge())

    first = measured()
    if first.adapter_us <= TARGET_US / 2:
        return first
    again = (first, measured(), measured())  # what disturbs a measurement only ever adds to it
    return min(again, key=lambda cost: cost.adapter_us)


def _translated(source: Source, delivery: Delivery) -> Sequence[Any]:
    try:
        return source.provider.translate(delivery, source.options).items
    except (Rejected, WrongContentType):
        return ()


def micros(work: Callable[[], object], rounds: int) -> float:
    """Median of the rounds, in µs of CPU a call; a round is as many calls as take a millisecond or two."""
    work()
    began = time.process_time_ns()
    for _ in range(10):
        work()
    calls = max(10, min(1000, 20_000_000 // max(1, time.process_time_ns() - began)))
    took = []
    for _ in range(rounds):
        began = time.process_time_ns()
        for _ in range(calls):
            work()
        took.append((time.process_time_ns() - began) / calls / 1000)
    return statistics.median(took)


def table(costs: Sequence[Cost]) -> list[str]:
    """Print the table, the kinds in the order of what they cost at most; the kinds above the target."""
    above = []
    print(f"{'kind':18}{'recorded':>9}{'verify µs':>16}{'translate µs':>16}{'judge µs':>16}{'both µs':>10}  slowest")
    print(f"{'':18}{'':9}" + f"{'median':>9}{'max':>7}" * 3 + f"{'max':>10}")
    by_kind = {kind: [cost for cost in costs if cost.request.kind == kind] for kind in sorted(PROVIDERS)}
    for kind, own in sorted(by_kind.items(), key=lambda one: -max(cost.adapter_us for cost in one[1])):
        columns = ([getattr(cost, f"{name}_us") for cost in own] for name in ("verify", "translate", "judge"))
        slowest = max(own, key=lambda cost: cost.adapter_us)
        cells = "".join(f"{statistics.median(column):>9.1f}{max(column):>7.1f}" for column in columns)
        too_slow = slowest.adapter_us > TARGET_US
        size = f"{slowest.request.name} ({len(slowest.request.body):,} bytes)"
        print(f"{kind:18}{len(own):>9}{cells}{slowest.adapter_us:>10.1f}  {size}{'  ABOVE THE TARGET' if too_slow else ''}")
        if too_slow:
            above.append(kind)
    return above


# The mix of all of them through the whole application


class Forgetting:
    """A publisher that acknowledges at once and keeps nothing."""

    async def run(self) -> None:
        """Nothing to connect to."""
        await asyncio.Event().wait()

    async def send(self, record: Record) -> None:
        """Forget it."""

    def why_not_ready(self) -> str | None:
        """Always ready."""
        return None


class Post(NamedTuple):
    """One delivery of the mix: where it is posted, and what."""

    path: str
    delivery: Delivery

    def wire(self) -> bytes:
        """The bytes of the request, as a sender over the network would write them."""
        delivery = self.delivery
        query = b"?" + delivery.query if delivery.query else b""
        head = b"%s %s%s HTTP/1.1\r\nhost: 127.0.0.1\r\n" % (delivery.method.encode(), self.path.encode(), query)
        lines = b"".join(b"%s: %s\r\n" % header for header in delivery.headers.items())
        return head + lines + b"content-length: %d\r\n\r\n" % len(delivery.body) + delivery.body


def usable(settings: Settings) -> list[Request]:
    """What was recorded and is not refused with default options, so that the mix is what a healthy installation sees."""
    found = []
    for request in known():
        source = source_of(request.kind, settings.sources[request.kind], settings, environ())
        delivery = sent(request, wall_clock_ms())
        items = _translated(source, delivery)
        if items and not any(isinstance(item, Rejected) for item in items):
            found.append(request)
    return found


def post_of(request: Request, number: int, settings: Settings) -> Post:
    """The request as a new one: blanks or a field at its end tell it from the others, so none is answered from memory."""
    if "urlencoded" in request.headers.get("content-type", ""):
        end = b"&number=%d" % number
    else:
        end = format(number, "b").replace("0", " ").replace("1", "\n").encode()
    delivery, token = proved(request._replace(body=request.body + end), settings, wall_clock_ms())
    if PROVIDERS[request.kind].schemes[:1] == ("body-token",):  # which writes the body anew and signs nothing
        delivery = msgspec.structs.replace(delivery, body=delivery.body + end)
    return Post(f"/webhooks/{request.kind}" + (f"/{token}" if token else ""), delivery)


async def in_process(rounds: int, copies: int) -> float:
    """Requests a CPU-second through the ASGI application, without HTTP and without a broker: the median of the rounds."""
    settings = settings_of(sorted(PROVIDERS), ingest=IngestSettings(linger_ms=0))
    app = create_app(settings, Forgetting(), environ=environ(), say=lambda text: None)
    requests = usable(settings)
    statuses: Counter[int] = Counter()

    async def send(message: Any) -> None:
        if "status" in message:
            statuses[message["status"]] += 1

    async def posted(post: Post) -> None:
        message = {"type": "http.request", "body": post.delivery.body}

        async def receive() -> Any:
            return message

        headers = list(post.delivery.headers.items())
        scope = {"type": "http", "method": post.delivery.method, "path": post.path, "query_string": post.delivery.query, "headers": headers}
        await app(scope, receive, send)

    rates = []
    for n in range(rounds):
        posts = [post_of(request, n * copies + copy, settings) for copy in range(copies) for request in requests]
        began = time.process_time()
        for post in posts:
            await posted(post)
        rates.append(len(posts) / (time.process_time() - began))
    if any(status >= 300 for status in statuses):
        raise RuntimeError(f"not every delivery was taken: {dict(statuses)}")
    print(f"the mix of {len(requests)} recordings of {len(PROVIDERS)} kinds, in one process: {statistics.median(rates):,.0f} a CPU-second")
    return statistics.median(rates)


@cache
def _mix() -> list[Request]:
    return usable(settings_of(sorted(PROVIDERS)))


def writing(settings: Settings, name: str) -> Writer:
    """The requests of one connection over HTTP: the mix, each connection from a place of its own."""
    requests, place = _mix(), zlib.crc32(name.encode()) * 10**5
    return lambda number: post_of(requests[(place + number) % len(requests)], place + number, settings).wire()


def main() -> None:
    """Measure, print the tables, and exit 1 when a kind is above the target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="fewer rounds, and no broker")
    arguments(parser, connections=32)
    given = parser.parse_args()
    above = table([cost_of(request, 3 if given.short else 9) for request in known()])
    asyncio.run(in_process(3 if given.short else given.rounds, 5 if given.short else 20))
    if not given.short:
        os.environ.update(environ())
        measure(dict(settings_of(sorted(PROVIDERS)).sources), writing, given)
    if above:
        sys.exit(f"above {TARGET_US:.0f} µs: {', '.join(above)}")


if __name__ == "__main__":
    main()
