"""`deskpulse explain`: where a figure comes from: from the API, or anew from the `events` topic, which forgets nothing it still holds."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

import httpx
import msgspec
import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from cli.addresses import urls_of
from cli.auditing.api import Unreachable
from cli.auditing.beginning import Live, live
from cli.compute import anchor_of, instant, reader_of
from cli.explained import lineage_of, print_lineage, received_times
from cli.figures import Unanswered
from cli.terminal import AsJson, say, show_json
from kpis import batch
from kpis.catalogue import by_id
from kpis.lineage import LIMIT, LIMIT_MAX
from kpis.lineage_answer import Lineage
from kpis.lineage_logs import LEDGER_OF, TOLD_BY, kinds_of
from kpis.query import Query, Unanswerable
from kpis.window import Levels, Zone
from schemas import keys
from schemas.codec import decode_record
from schemas.events import Event, FactWithdrawn, TicketAbsorbed
from schemas.topics import EVENTS
from services.api.problems import nearest
from services.kafka import end_offsets, read_partition
from services.settings import Settings, load_settings, topic

USUAL_WINDOWS = ("24h", "now", "today", "28d", "90d")
"""Without --window, the first of these that the KPI has."""


def explain(
    kpi: Annotated[str, typer.Argument(metavar="KPI", help="The id of a KPI; `deskpulse kpis` lists them.")],
    window: Annotated[str | None, typer.Option(help="A window such as 1h, 24h, now.")] = None,
    as_of: Annotated[str | None, typer.Option(help="An earlier instant (RFC 3339).")] = None,
    start: Annotated[str | None, typer.Option("--from", help="Start of a span instead of a window.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="End of that span, exclusive.")] = None,
    by: Annotated[list[str] | None, typer.Option(metavar="DIM=VALUE", help="Only this value, such as channel=email.")] = None,
    anchor: Annotated[str | None, typer.Option(help="completed or created.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=LIMIT_MAX, help="How many entities are listed, newest first.")] = LIMIT,
    from_events: Annotated[bool, typer.Option("--from-events", help="Read the topic `events` itself, not the API.")] = False,
    url: Annotated[str | None, typer.Option(help="Base address of the API; else that of the settings.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the formula with its figures, the entities that count, those left out and why, and what corrected it.

    With --from-events everything is computed again from the events that Kafka still holds: slower, but complete also for tickets
    that have left the services' memory, and with the times of receipt. Exit 1 when nothing answers, 2 for a bad question.
    """
    settings = load_settings()
    where = tuple(sorted(_where(by or [])))
    if (start is None) != (end is None):
        raise typer.BadParameter("--from and --to go together")
    if from_events:
        declared = by_id().get(kpi)
        if window is None and start is None and declared is not None:
            window = next((w for w in USUAL_WINDOWS if w in declared.windows), declared.windows[0])
        query = Query(
            kpis=(kpi,),
            windows=() if window is None else (window,),
            as_of_ms=None if as_of is None else instant(as_of, "--as-of"),
            span=None if start is None or end is None else (instant(start, "--from"), instant(end, "--to")),
            where=where,
            anchor=anchor_of(anchor),
        )
        told = _from_events(settings, query, limit)
    else:
        given = {"kpi": kpi, "window": window, "as_of": as_of, "from": start, "to": end, "anchor": anchor, "limit": limit, **dict(where)}
        told = _from_api(settings, url, {name: value for name, value in given.items() if value is not None})
    if as_json:
        show_json(told)
    else:
        print_lineage(told)


def _where(given: list[str]) -> list[tuple[str, str]]:
    pairs = []
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise typer.BadParameter(f"--by takes a dimension and its value, such as channel=email, not {text!r}")
        pairs.append((name, value))
    return pairs


# ---- the API -----------------------------------------------------------------------------------


def _from_api(settings: Settings, url: str | None, asked: dict[str, Any]) -> dict[str, Any]:
    token = settings.api.token()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=url or urls_of(settings)["api"], headers=headers, timeout=60) as client:
        try:
            return read(client, asked)
        except Unanswered as error:
            say(f"deskpulse: {error}")
            raise typer.Exit(1) from None


def read(client: httpx.Client, asked: dict[str, Any]) -> dict[str, Any]:
    """One answer of `/v1/lineage`. Raises Unanswered, and typer.BadParameter for a question the API refuses."""
    try:
        answer = client.get("/v1/lineage", params=asked)
    except httpx.HTTPError as error:
        advice = "start it with `deskpulse up`, or read the events themselves with --from-events"
        raise Unanswered(f"no API answers at {client.base_url} ({type(error).__name__}): {advice}") from None
    if answer.status_code == 200:
        found: dict[str, Any] = answer.json()
        return found
    try:
        detail = str(answer.json().get("detail", ""))
    except ValueError:
        detail = answer.text[:200]
    if answer.status_code == 422:
        raise typer.BadParameter(detail)
    raise Unanswered(f"the API at {client.base_url} answers {answer.status_code}: {detail}")


# ---- the events themselves ---------------------------------------------------------------------


def _from_events(settings: Settings, query: Query, limit: int) -> dict[str, Any]:
    try:
        told = asyncio.run(explained(settings, query, limit))
    except Unanswerable as error:
        raise typer.BadParameter(str(error)) from None
    except (Unreachable, KafkaError, OSError) as error:
        say(f"deskpulse: the events cannot be read: {error}")
        raise typer.Exit(1) from None
    found: dict[str, Any] = msgspec.to_builtins(told)
    return found


async def explained(settings: Settings, query: Query, limit: int) -> Lineage:
    """The lineage of one figure, computed anew from the topic `events`. Raises Unanswerable, Unreachable and KafkaError."""
    declared = by_id()
    if query.kpis[0] not in declared:
        raise Unanswerable(f"there is no KPI {query.kpis[0][:80]}{nearest(query.kpis[0], declared)}", "kpi")
    now = await live(settings)
    events = await _events(now, _kinds(query.kpis[0]))
    wall_ms = time.time_ns() // 1_000_000
    newest_ms = max((event.occurred_at_ms for event in events), default=0)
    now_ms = wall_ms + -wall_ms % 1000 if settings.now == "wall" else newest_ms
    levels = Levels(Zone(now.settings.time_zone), now.settings.aggregator.day_level_days)
    done = batch.run(events, levels=levels, pairs=now.settings.dimensions.pairs, controls=now.timeline, now_ms=now_ms)
    reader = reader_of(done, now.settings, now_ms)
    return lineage_of(done, reader, query, controls=now.timeline, limit=limit, received=received_times(events, wall_ms))


def _kinds(kpi_id: str) -> frozenset[str]:
    """The kinds of entities a KPI can come from: others are not kept while reading."""
    kpi = by_id()[kpi_id]
    names = {measure.name for measure in kpi.measures} | {"solved_customer"}  # told beside resolved issues
    ledgers = {LEDGER_OF[name] for name in names if name in LEDGER_OF}
    own = {kind for measure in kpi.measures for kind in kinds_of(measure.key)}
    return frozenset(own | {kind for ledger in ledgers for kind in TOLD_BY[ledger]} | {"ticket"})


async def _events(now: Live, kinds: frozenset[str]) -> list[Event]:
    name, partitions = topic(now.settings, EVENTS), now.settings.kafka.partitions
    ends = await end_offsets(now.settings, name, partitions)
    events: list[Event] = []
    columns = (TextColumn("reading events"), BarColumn(), TextColumn("{task.completed:.0f} of {task.total:.0f} records"))
    with Progress(*columns, transient=True, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=sum(ends.values()))
        done = 0
        for partition in range(partitions):
            async for record in read_partition(now.settings, name, partition):
                for event in decode_record(record.value or b"[]")[0]:
                    wanted = isinstance(event, FactWithdrawn) or keys.of(event).split(":", 1)[0] in kinds
                    if wanted and not isinstance(event, TicketAbsorbed):  # merged logs are passed on anew
                        events.append(event)
                progress.update(task, completed=done + record.offset)
            done += ends.get(partition, 0)
            progress.update(task, completed=done)
    return events
