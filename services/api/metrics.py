"""The families of `/metrics`: which figures are exposed, under which names, and how fresh all of it is.

Laws: names, help and units come from the catalogue; a total never stands beside its parts in one family (`deskpulse_all_…` is
the total, `deskpulse_…` the parts); a figure without value is left out while its numerator and denominator stay; agents
appear only in the families of `/metrics/agents`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from kpis.query import Query
from schemas.figures import Figure
from services.api import spike_metrics, standings
from services.api.exposition import Family, Labels
from services.api.ports import Freshness

EXPOSED_WINDOWS = ("15m", "1h", "24h", "7d", "28d", "90d")
"""Prometheus keeps its own history, so a handful of windows is enough; "now" comes on top."""
SPLIT_BY = ("channel", "team")
"""The label of a KPI's parts: the first of these that it is kept by. Never both: 8 channels × 50 teams would be 400 series a figure."""
MOST_PARTS = 60
"""Parts of one figure; further ones are left out, smallest n first, and counted in deskpulse_series_suppressed."""
AGENT_WINDOW = "24h"
MOST_AGENTS = 500
TALLY_LABELS = frozenset({"channel", "team", "kind", "reason", "source", "group", "score", "scale"})
"""The labels of counters; what a tally says beyond them is summed, since labels multiply."""
_AGGREGATE = " Never aggregate over window."
_SUFFIXES = ("seconds", "ratio", "score")
_PLAIN = re.compile(r"[^a-z0-9]+")
_TALLY_HELP = {
    "events": "Events counted by the shards.",
    "first_reply_time_due": "First replies, each held against its target when it comes.",
    "first_reply_time_breached": "First replies that came after their target.",
    "speed_of_answer_due": "Calls held against the target of their wait: answered, or given up after it.",
    "speed_of_answer_breached": "Calls that waited longer than the target.",
    "csat_ratings": "Ratings of satisfaction, by their scale and score.",
    "nps_responses": "Answers to the recommendation question, by group; kind tells surveys about a case from those about the relationship.",
    "conversions": "Purchases credited to a contact that ended less than seven days before.",
    "conversion_opportunities": "Contacts that ended: what conversions are held against.",
}


class Exposed(Struct, frozen=True, kw_only=True):
    """One KPI as it is exposed: the questions to ask and the names to answer under."""

    kpi: str
    title: str
    formula: str
    unit: str
    windows: tuple[str, ...]
    label: str
    anchor: str | None = None


class Names(Struct, frozen=True, kw_only=True):
    """A family's name and unit, for a figure of a window or of an instant."""

    name: str
    unit: str


def exposed(catalogue: Iterable[Mapping[str, Any]]) -> list[Exposed]:
    """What the catalogue exposes. An entry says `exposed: false` to stay out."""
    out = []
    for entry in catalogue:
        if not entry.get("exposed", True):
            continue
        windows = tuple(w for w in entry.get("windows", ()) if w == "now" or w in EXPOSED_WINDOWS) or tuple(entry.get("windows", ()))[:1]
        label = next((d for d in SPLIT_BY if d in entry.get("dimensions", ())), "")
        out.append(
            Exposed(
                kpi=str(entry["id"]),
                title=str(entry["title"]),
                formula=str(entry.get("formula", "")),
                unit=str(entry.get("unit", "")),
                windows=windows,
                label=label,
            )
        )
    return out


def questions(one: Exposed) -> Iterator[Query]:
    """The total, and the parts where the KPI has a label."""
    yield Query(kpis=(one.kpi,), windows=one.windows)
    if one.label:
        yield Query(kpis=(one.kpi,), windows=one.windows, by=(one.label,))


def names(kpi: str, unit: str, *, windowed: bool, before: str = "") -> Names:
    """The family of a KPI: `deskpulse_[window_]<id>[_<unit>]`; an instant's count carries no unit."""
    word = _PLAIN.sub("_", unit.lower()).strip("_")
    word = {"s": "seconds", "percent": "ratio", "nps": "score", "points": "score"}.get(word, word)
    if not windowed and word not in _SUFFIXES:
        word = ""
    stem = f"deskpulse_{before}{'window_' if windowed else ''}{kpi}"
    if not word or stem.endswith("_" + word):
        return Names(name=stem, unit=word)
    return Names(name=f"{stem}_{word}", unit=word)


def figure_families(asked: Iterable[tuple[Exposed, list[Figure]]]) -> tuple[list[Family], dict[str, int]]:
    """The families of the figures, and how many parts were left out of each family."""
    families: dict[str, Family] = {}
    suppressed: dict[str, int] = {}
    for one, figures in asked:
        kept, left_out = _most_told(figures, one.label, MOST_PARTS)
        for figure in kept:
            windowed = figure.window != "now"
            before = "all_" if one.label and not figure.dims else ""
            named = names(one.kpi, figure.unit or one.unit, windowed=windowed, before=before)
            _figure(families, named, one, figure, {"window": figure.window} if windowed else {})
            if left_out and figure.dims:
                suppressed[named.name] = left_out
    return list(families.values()), suppressed


def agent_families(asked: Iterable[tuple[Exposed, list[Figure]]]) -> tuple[list[Family], dict[str, int]]:
    """The families by agent: the id is an opaque label, nothing else is split with it."""
    families: dict[str, Family] = {}
    suppressed: dict[str, int] = {}
    for one, figures in asked:
        kept, left_out = _most_told(figures, "agent", MOST_AGENTS)
        for figure in kept:
            windowed = figure.window != "now"
            named = names(one.kpi, figure.unit or one.unit, windowed=windowed, before="agent_")
            _figure(families, named, one, figure, {"window": figure.window} if windowed else {})
            if left_out:
                suppressed[named.name] = left_out
    return list(families.values()), suppressed


def freshness_families(fresh: Freshness, suppressed: Mapping[str, int], version: str, clients: int = 0, wall_ms: int = 0) -> list[Family]:
    """How current and how complete the rest of the exposition is."""
    build = Family(name="deskpulse_build", kind="info", help="The version that serves this.")
    build.add(1, version=version)
    newest = Family(
        name="deskpulse_last_event_timestamp_seconds", kind="gauge", unit="seconds", help="When the newest event of a source happened."
    )
    for source, at_ms in sorted(fresh.sources.items()):
        newest.add(at_ms / 1000, source=source)
    last = _one(
        "deskpulse_all_last_event_timestamp_seconds",
        "seconds",
        "When the newest event of any source happened.",
        _seconds(fresh.last_event_ms),
    )
    watermark = _one(
        "deskpulse_watermark_timestamp_seconds", "seconds", "Events up to here are expected to be in.", _seconds(fresh.watermark_ms)
    )
    lag = _one("deskpulse_ingest_lag_seconds", "seconds", "How far the board is behind what was accepted.", fresh.lag_seconds)
    board = Family(name="deskpulse_board_changes", kind="counter", help="Changes applied to the board.")
    board.add(fresh.version)
    offsets = Family(name="deskpulse_shard_offset", kind="gauge", help="The newest offset of its input that a shard has counted.")
    for shard, offset in sorted(fresh.progress.items()):
        offsets.add(offset, shard=shard)
    cut = suppressed_family(suppressed)
    listeners = _one("deskpulse_stream_clients", "", "Open streams of figures.", clients)
    own = [
        build,
        newest,
        last,
        watermark,
        lag,
        board,
        offsets,
        cut,
        listeners,
        *proof_families(fresh),
        *standings.families(fresh.standings, wall_ms),
        *spike_metrics.families(fresh),
    ]
    return own


def proof_families(fresh: Freshness) -> list[Family]:
    """What was corrected after it was shown, and whether the newest audit found the figures equal to the events."""
    late = Family(name="deskpulse_corrections", kind="counter", help="Changes by late events of hours that the watermark had passed.")
    late.add(fresh.corrections[0])
    final = Family(name="deskpulse_corrections_of_final", kind="counter", help="Of these, changes of days whose figures were final.")
    final.add(fresh.corrections[1])
    audit = fresh.audit or {}
    found = _one("deskpulse_audit_differences", "", "Figures that the newest audit found otherwise than served.", audit.get("differences"))
    success = _one(
        "deskpulse_audit_last_success_timestamp_seconds",
        "seconds",
        "When an audit last found every figure equal to what follows from the events.",
        _seconds(audit.get("last_success_ms")),
    )
    return [late, final, found, success]


def suppressed_family(suppressed: Mapping[str, int]) -> Family:
    """How many parts each family lacks, so that nothing is left out silently."""
    cut = Family(name="deskpulse_series_suppressed", kind="gauge", help="Parts left out of a family to keep it bounded.")
    for family, count in sorted(suppressed.items()):
        cut.add(count, family=family)
    return cut


def tally_families(tallies: Iterable[tuple[str, Mapping[str, str], float]]) -> list[Family]:
    """Counters: gross, never taken back, so that a correction never looks like a restart."""
    sums: dict[str, dict[Labels, float]] = {}
    for given, labels, value in tallies:
        name = given.removeprefix("deskpulse_").removesuffix("_total")
        kept = tuple(sorted((label, said) for label, said in labels.items() if label in TALLY_LABELS))
        of_name = sums.setdefault(name, {})
        of_name[kept] = of_name.get(kept, 0) + value
    out = []
    for name in sorted(sums):
        text = _TALLY_HELP.get(name, f"{name.replace('_', ' ').capitalize()}, counted as they happen; corrections do not lower it.")
        family = Family(name=f"deskpulse_{name}", kind="counter", help=text)
        for kept, value in sorted(sums[name].items()):
            family.add(value, **dict(kept))
        out.append(family)
    return out


def _figure(families: dict[str, Family], named: Names, one: Exposed, figure: Figure, window: dict[str, str]) -> None:
    labels = {**figure.dims, **window}
    about = one.title + (f": {one.formula}" if one.formula else "") + "."
    about = about.replace("..", ".") + (_AGGREGATE if window else "")
    _family(families, named.name, named.unit, about).add(figure.value, **labels)
    if window and named.unit in _SUFFIXES:  # both components, so that a quotient can be formed again over any set of parts
        _family(families, f"{named.name}_numerator", "", f"Numerator of {named.name}.").add(figure.numerator, **labels)
        _family(families, f"{named.name}_denominator", "", f"Denominator of {named.name}.").add(figure.denominator, **labels)


def _family(families: dict[str, Family], name: str, unit: str, text: str) -> Family:
    if (family := families.get(name)) is None:
        family = families[name] = Family(name=name, kind="gauge", unit=unit, help=text)
    return family


def _most_told(figures: list[Figure], label: str, most: int) -> tuple[list[Figure], int]:
    """The figures without the parts of smallest n beyond `most`, and how many parts that were."""
    values: dict[str, int] = {}
    for figure in figures:
        if label in figure.dims:
            values[figure.dims[label]] = max(values.get(figure.dims[label], 0), figure.n)
    if len(values) <= most:
        return figures, 0
    keep = set(sorted(values, key=lambda v: (-values[v], v))[:most])
    return [f for f in figures if f.dims.get(label) is None or f.dims[label] in keep], len(values) - most


def _one(name: str, unit: str, text: str, value: float | None) -> Family:
    family = Family(name=name, kind="gauge", unit=unit, help=text)
    family.add(value)
    return family


def _seconds(at_ms: int | None) -> float | None:
    return None if at_ms is None else at_ms / 1000
