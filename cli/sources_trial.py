"""One signed sample of a configured source, followed from ingest's answer to the figures and taken back.

Laws: what was sent is taken back (`fact.withdrawn`) whatever becomes of the following, unless it is to be kept; nothing that is
said holds a secret, a token or an address with one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import httpx

from cli.rejected_replay import Publishing
from cli.rejected_text import plain
from cli.sources_journey import Api, Journey, Place, figures_touched
from cli.sources_signing import delivery_of_sample, signed
from schemas.canonical import event_from
from schemas.events import Event
from schemas.rejections import Rejected
from services.ingest.admission import admitted, packed
from services.ingest.delivery import Delivery
from services.ingest.packer import Unavailable
from services.ingest.publisher import KafkaPublisher
from services.ingest.sources import Source
from services.settings import Settings

_ANSWER_SECONDS = 40
_SHOWN_CHARS = 500


class NotThrough(RuntimeError):
    """The sample did not come through; the message says what to check."""


class Ready(NamedTuple):
    """A sample that can be sent: to which path, and the events that it becomes."""

    path: str
    delivery: Delivery
    events: list[Event]


def ready(source: Source, secrets: Sequence[str], tokens: Sequence[str], unique: str, now_ms: int) -> Ready:
    """The source's sample, signed, or for the path with the token. Raises NotThrough."""
    delivery = delivery_of_sample(source.provider, unique, now_ms)
    path = f"/webhooks/{source.name}"
    proved = signed(source, secrets, delivery)
    if proved is not None:
        delivery = proved
    elif tokens:
        path = f"{path}/{tokens[0]}"
    else:
        raise NotThrough(f"the secret has not the form that a sender of this kind shows: {source.provider.guide.secret}")
    try:
        items = source.provider.translate(delivery, source.options).items
        events = [admitted(item, source, now_ms)[0] for item in items]
    except (Rejected, ValueError) as error:
        raise NotThrough(f"the sample cannot be used with this source's options: {error}") from None
    if not events:
        raise NotThrough("with this source's options the sample becomes no event: see options in the page of its kind")
    return Ready(path, delivery, events)


async def answers(base: str) -> None:
    """Return when ingest is there and can publish. Raises NotThrough."""
    try:
        async with httpx.AsyncClient(base_url=base, timeout=10) as client:
            answer = await client.get("/readyz")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _away(base, error) from None
    if answer.status_code != 200:
        raise NotThrough(f"ingest at {base} is not ready: {_detail(answer) or f'it answers {answer.status_code}'}")


def _away(base: str, error: Exception) -> NotThrough:
    return NotThrough(f"ingest does not answer at {base} ({type(error).__name__}): start it with `deskpulse up` or `deskpulse ingest`")


async def answer_of(base: str, sample: Ready, name: str) -> tuple[int, str]:
    """Post it and return ingest's status and body. Raises NotThrough when it was not taken."""
    delivery = sample.delivery
    query = f"?{delivery.query.decode('latin-1')}" if delivery.query else ""
    headers = {key.decode(): value.decode("latin-1") for key, value in delivery.headers.items()}
    try:
        async with httpx.AsyncClient(base_url=base, timeout=_ANSWER_SECONDS) as client:
            answer = await client.request(delivery.method, sample.path + query, content=delivery.body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _away(base, error) from None
    said = plain(answer.text[:_SHOWN_CHARS])
    if answer.status_code == 401:
        raise NotThrough(_refused(name))
    if answer.status_code >= 300:
        raise NotThrough(f"ingest at {base} answers {answer.status_code}: {_detail(answer) or said}")
    if rejected := _counted(answer).get("rejected"):
        raise NotThrough(f"ingest rejected {rejected} of it: see `deskpulse rejected list --source {name}`")
    return answer.status_code, said


def _refused(name: str) -> str:
    return (
        f"ingest answers 401 although the signature is right for the settings of this terminal. Check that ingest knows the source {name} "
        "and was started with the same secret in its environment (start it again after a change), that ingest.public_url is the same "
        "here and there, and that both clocks are right"
    )


async def followed(
    settings: Settings, api_url: str, token: str | None, base: str, name: str, sample: Ready, *, keep: bool, timeout_seconds: float,
    say: Callable[[str], None],
) -> dict[str, Any]:  # fmt: skip
    """Send the sample, follow it to the figures, take it back; what came of it. `settings` are those within the live generation.

    Raises NotThrough, KafkaError, Unavailable, OSError.
    """
    journey = Journey(settings)
    await journey.begin()
    async with Api.at(api_url, token) as api:
        before = await api.figures(sample.events)
        began = time.monotonic()
        status, said = await answer_of(base, sample, name)
        answered = time.monotonic() - began
        found: dict[str, Any] = {"status": status, "answer": said, "answer_seconds": round(answered, 3)}
        try:
            places = await _arrived(journey, api, _placed(sample.events, settings.kafka.partitions), timeout_seconds)
            found |= {"seconds": round(time.monotonic() - began, 3), "places": [place.text() for place in places]}
            found["figures"] = await figures_touched(api, sample.events, before, wall=settings.now == "wall")
        finally:
            if not keep:
                await asyncio.shield(_taken_back(settings, journey, name, sample.events, say))
        if not keep:
            back = withdrawals(name, sample.events)
            await _arrived(journey, api, _placed(back, settings.kafka.partitions), timeout_seconds)
    return found | {"taken_back": not keep, "taken_back_seconds": None if keep else round(time.monotonic() - began, 3)}


async def _arrived(journey: Journey, api: Api, wanted: set[Place], timeout_seconds: float) -> list[Place]:
    """Return once the figures include all of these. Raises NotThrough."""
    deadline = time.monotonic() + timeout_seconds
    if missing := await journey.found(wanted, deadline):
        raise NotThrough(
            f"ingest took the sample, but {len(missing)} of its events are not in Kafka after {timeout_seconds:g} s: "
            "ingest runs with other settings than this terminal (topic prefix, options of the source), start it again"
        )
    if behind := await api.passed(journey.offsets(wanted), deadline):
        raise NotThrough(
            f"it is in Kafka, but not in the figures after {timeout_seconds:g} s (waiting for {', '.join(sorted(behind))}): "
            "is the aggregator running and keeping up? `deskpulse up` starts it; its /metrics and the wall board show the lag"
        )
    return sorted(wanted)


async def _taken_back(settings: Settings, journey: Journey, name: str, events: Sequence[Event], say: Callable[[str], None]) -> None:
    """Publish the withdrawals as `deskpulse rejected replay` publishes, and return when Kafka has them. Raises NotThrough."""
    into = [each for event in withdrawals(name, events) for each in packed(event, settings.kafka.partitions)]
    try:
        async with Publishing(KafkaPublisher(settings, say), settings.ingest.linger_ms, _ANSWER_SECONDS) as publishing:
            await (await publishing.put(into))
    except Unavailable as error:
        named = ", ".join(event.id for event in events)
        raise NotThrough(f"the sample could not be taken back ({error}): send fact.withdrawn of {named} as source {name}") from None


def withdrawals(name: str, events: Sequence[Event]) -> list[Event]:
    """What takes these events of a source back; the same ones each time."""
    return [
        event_from(
            {"type": "fact.withdrawn", "id": f"{event.id[:150]}:withdrawn:{ordinal}", "of": event.id},
            source=name,
            received_at_ms=event.received_at_ms,
        )[0]
        for ordinal, event in enumerate(events)
    ]


def _placed(events: Sequence[Event], partitions: int) -> set[Place]:
    """Where these events must be looked for."""
    return {Place(each.partition, event.source, event.id) for event in events for each in packed(event, partitions)}


def _detail(answer: httpx.Response) -> str:
    return plain(str(_counted(answer).get("detail", "")))[:_SHOWN_CHARS]


def _counted(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        value = answer.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
