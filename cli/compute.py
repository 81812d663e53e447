"""`deskpulse compute`: the same figures from a file of events alone: no Kafka, no services, the same life cycles and cells."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import msgspec
import typer

from cli.event_lines import read_lines
from cli.explained import lineage_of, print_lineage, received_times
from cli.terminal import AsJson, say, show, show_json, stdout
from kpis import batch
from kpis.batch import Batch
from kpis.catalogue import KPIS
from kpis.lineage import LIMIT, LIMIT_MAX
from kpis.names import OTHER
from kpis.query import Anchor, Query, Unanswerable
from kpis.reading import Reader
from kpis.window import Levels, Zone
from schemas.canonical import event_from, millis_from
from schemas.codec import decode_event
from schemas.events import Event
from schemas.figures import Figure
from schemas.rejections import Reason, Rejected
from services.api.declared import targets_of
from services.controls import timeline_of_settings
from services.settings import Settings, load_settings

Names = Annotated[list[str] | None, typer.Option(help="May be given several times.")]


def compute(
    file: Annotated[str, typer.Argument(help='Canonical events as JSON Lines; "-" is standard input, .gz is unpacked.')],
    as_of: Annotated[str | None, typer.Option(help="The instant of the figures (RFC 3339); the newest event's unless told.")] = None,
    kpi: Names = None,
    window: Names = None,
    start: Annotated[str | None, typer.Option("--from", help="Start of a span instead of windows.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="End of that span, exclusive.")] = None,
    by: Annotated[str, typer.Option(help="One dimension, or a configured pair: channel,team.")] = "",
    anchor: Annotated[str | None, typer.Option(help="completed or created.")] = None,
    explain: Annotated[bool, typer.Option(help="With --kpi: what each figure comes from; else its formula and parts.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=LIMIT_MAX, help="Of --explain: how many entities are listed, newest first.")] = LIMIT,
    as_json: AsJson = False,
) -> None:
    """Compute every figure from a file of events alone.

    What a line says wrong is told with its number; the figures are those of the other lines.
    """
    settings = load_settings()
    began_ms = time.time_ns() // 1_000_000
    events = list(_told(read_events(read_lines(file))))
    as_of_ms = None if as_of is None else instant(as_of, "--as-of")
    now_ms = _present(events, as_of_ms)
    done = cells_of(events, settings, now_ms)
    reader = reader_of(done, settings, now_ms)
    if (start is None) != (end is None):
        raise typer.BadParameter("--from and --to go together")
    span = None if start is None or end is None else (instant(start, "--from"), instant(end, "--to"))
    figures: list[Figure] = []
    for kpi_id in kpi or list(reader.kpis):
        query = Query(
            kpis=(kpi_id,),
            windows=tuple(window or ()),
            span=span,
            by=tuple(part for part in by.split(",") if part),
            anchor=anchor_of(anchor),
            as_of_ms=as_of_ms,
        )
        try:
            figures += reader.read(query)
        except Unanswerable as error:
            if kpi:
                raise typer.BadParameter(str(error)) from None
    if explain and kpi:
        received = received_times(events, began_ms)
        controls = timeline_of_settings(settings)
        told = [lineage_of(done, reader, one, controls=controls, limit=limit, received=received) for one in _each(figures, span, as_of_ms)]
        _show_lineages([msgspec.to_builtins(one) for one in told], as_json)
        return
    if as_json:
        show_json([msgspec.to_builtins(figure) for figure in figures])
        return
    show([_row(figure, reader, explain) for figure in figures], _COLUMNS[: None if explain else 9], as_json=False)


def _each(figures: Iterable[Figure], span: tuple[int, int] | None, as_of_ms: int | None) -> Iterator[Query]:
    """The question that each of these figures alone answers; what shares one name for want of room has no list of its own."""
    for figure in figures:
        if OTHER not in figure.dims.values():
            yield Query(
                kpis=(figure.kpi,),
                windows=() if span is not None else (figure.window,),
                span=span,
                as_of_ms=as_of_ms,
                where=tuple(sorted(figure.dims.items())),
                anchor=anchor_of(figure.anchor),
            )


def _show_lineages(told: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        show_json(told)
        return
    for number, one in enumerate(told):
        if number:
            stdout().print()
        print_lineage(one)


def cells_of(events: Iterable[Event], settings: Settings, now_ms: int) -> Batch:
    """The cells of these events as they are kept at `now_ms`: the long part, which readers of later instants share."""
    levels = Levels(Zone(settings.time_zone), settings.aggregator.day_level_days)
    return batch.run(events, levels=levels, pairs=settings.dimensions.pairs, controls=timeline_of_settings(settings), now_ms=now_ms)


def reader_of(done: Batch, settings: Settings, now_ms: int) -> Reader:
    """A reader of the figures of these cells; `now_ms` is the present, not before that of the cells (`READ_MARGIN_MS` at most)."""
    return Reader(
        done.cells,
        now_ms=now_ms,
        watermark_ms=max(done.newest_ms - settings.aggregator.event_time_skew_ms, 0) or None,
        targets=targets_of(settings, KPIS),
        kpis=KPIS,
        max_values=settings.dimensions.max_values,
    )


def figures_of(events: Iterable[Event], settings: Settings, as_of_ms: int | None = None, now_ms: int | None = None) -> Reader:
    """A reader of the figures of these events. `now_ms` (None: the later of `as_of_ms` and the newest event) is the present."""
    listed = list(events)
    now = now_ms if now_ms is not None else _present(listed, as_of_ms)
    return reader_of(cells_of(listed, settings, now), settings, now)


def _present(events: Iterable[Event], as_of_ms: int | None) -> int:
    """The later of the newest event and the instant that is asked for."""
    return max(max((event.occurred_at_ms for event in events), default=0), as_of_ms or 0)


def read_events(lines: Iterable[bytes]) -> Iterator[Event | tuple[int, Rejected]]:
    """The events of lines in the form that senders use, or in that of the topic `events`; what is refused with its line number."""
    received = time.time_ns() // 1_000_000
    for number, line in enumerate(lines, 1):
        try:
            if b'"occurred_at_ms"' in line:
                yield decode_event(line)
            else:
                yield event_from(json.loads(line), source="file", received_at_ms=received)[0]
        except Rejected as rejected:
            yield number, rejected
        except (ValueError, RecursionError) as error:
            yield number, Rejected(Reason.NOT_JSON, str(error)[:200])


def _told(found: Iterable[Event | tuple[int, Rejected]]) -> Iterator[Event]:
    reasons: Counter[str] = Counter()
    for item in found:
        if isinstance(item, tuple):
            number, rejected = item
            reasons[rejected.reason.value] += 1
            if sum(reasons.values()) <= 10:
                say(f"line {number}: {rejected}")
        else:
            yield item
    if reasons:
        say("left out: " + ", ".join(f"{n} × {reason}" for reason, n in reasons.most_common()))


def instant(text: str, name: str) -> int:
    """An instant as an option gives it. Raises typer.BadParameter."""
    try:
        return millis_from(text)
    except Rejected as rejected:
        raise typer.BadParameter(f"{name}: {rejected.detail}") from None


def anchor_of(name: str | None) -> Anchor | None:
    """An anchor as an option gives it. Raises typer.BadParameter."""
    if name is None:
        return None
    if name == "completed":
        return "completed"
    if name == "created":
        return "created"
    raise typer.BadParameter("--anchor is completed or created")


_COLUMNS = ("kpi", "window", "dims", "value", "unit", "n", "ci_low", "ci_high", "quality", "formula", "parts")


def _row(figure: Figure, reader: Reader, explain: bool) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(figure, name) for name in ("kpi", "window", "value", "unit", "n", "ci_low", "ci_high", "quality")}
    row["dims"] = " ".join(f"{k}={v}" for k, v in figure.dims.items())
    row["value"] = figure.value if figure.value is not None else figure.reason
    if explain:
        row["formula"] = reader.kpi(figure.kpi).formula
        row["parts"] = " ".join(f"{k}={v}" for k, v in figure.parts.items())
    return {k: (round(v, 4) if isinstance(v, float) else v) for k, v in row.items()}
