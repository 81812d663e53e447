"""Every figure of a log, asked of the API over its whole span and for every window, and computed from the same events alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from cli.auditing.comparison import Difference, differences
from cli.compute import figures_of
from kpis.query import Anchor, Query
from kpis.reading import Reader
from kpis.window import NOW
from schemas.canonical import event_from, millis_from
from schemas.figures import Figure
from tests.real.answers import SPANS
from tests.real.services import SOURCE, Parameters, settings_of
from tests.real.translate import Log, translated

_RECEIVED_MS = 1_790_000_000_000
_SPLITS = ("", "channel", "priority")
"""By what is asked beside the total, where a KPI is kept by it."""


class Question(NamedTuple):
    """One question in the API's words and in ours."""

    parameters: Parameters
    query: Query


class Compared(NamedTuple):
    """How many figures were served, and where they differ from the computed ones."""

    served: int
    differences: list[Difference]


def compared(log: Log, reader: Reader, catalogue: Sequence[Mapping[str, Any]], ask: Callable[[Parameters], list[Figure]]) -> Compared:
    """Asks everything and reads the same from what was computed."""
    served, found = 0, []
    for question in questions(log, catalogue):
        figures = ask(question.parameters)
        served += len(figures)
        found += differences(figures, reader.read(question.query))
    return Compared(served, found)


def questions(log: Log, catalogue: Sequence[Mapping[str, Any]]) -> Iterator[Question]:
    """By each anchor: every window of every KPI, and the whole span of those that have one, as total and by two dimensions."""
    start, end = SPANS[log]
    anchors: tuple[Anchor, ...] = ("completed", "created")
    for anchor in anchors:
        entries = [entry for entry in catalogue if anchor in entry["anchors"]]
        if everything := tuple(entry["id"] for entry in entries):
            yield Question({"kpi": list(everything), "anchor": anchor}, Query(kpis=everything, anchor=anchor))
        for by in _SPLITS:
            kept = tuple(e["id"] for e in entries if e["windows"] != [NOW] and (not by or by in e["dimensions"]))
            if kept:
                yield Question(
                    {"kpi": list(kept), "anchor": anchor, "from": start, "to": end} | ({"by": by} if by else {}),
                    Query(kpis=kept, anchor=anchor, span=(millis_from(start), millis_from(end)), by=(by,) if by else ()),
                )


@cache
def reader_of(log: Log) -> Reader:
    """The figures of a log's events alone, in the order of its file; the present is its newest event, as for the services."""
    events = (event_from(outside, source=SOURCE, received_at_ms=_RECEIVED_MS)[0] for outside in translated(log))
    return figures_of(events, settings_of(Path(), "127.0.0.1:1"))
