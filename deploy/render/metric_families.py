"""Every family that the three services tell, from the code that tells them: each is given one of everything that it can tell about.

Law: no name, help, type or label is written here; what a service told another way tomorrow stands on the page by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from kpis.folding import LABELS, TallyKey
from kpis.histograms import class_of
from kpis.kpi import Kpi
from kpis.lifecycles.ledger import Rules
from kpis.measures import CASE_ANSWER, CONVERSION, MEASURES, OUTCOME
from kpis.query import Query
from kpis.spikes.watch import WaitWatch, Watch
from kpis.tallies import BASES, OWN_CLASSES, RATINGS, RESPONSES
from kpis.window import Levels, Zone
from schemas.figures import Figure
from schemas.rejections import Reason
from schemas.spikes import Spike, SpikeCause, Watched
from schemas.standing import Standing
from services.aggregator.checkpoint import Checkpoints
from services.aggregator.health import exposition
from services.aggregator.ledgers import LedgerShard
from services.aggregator.worker import Held, Worker
from services.api import histograms, metrics, silences, tallied
from services.api.declared import entry_of
from services.api.exposition import Family
from services.api.metrics import AGENT_WINDOW, Exposed
from services.api.ports import Counted, Freshness
from services.ingest.metrics import Metrics
from services.settings import Settings

ONE = "one"
"""A label's value, and the name of the one source, channel or shard that there is."""
_OWN_LABELS = frozenset({"le"})


class Told(NamedTuple):
    """One family as it is told: its name in a query (histograms without their suffixes), and the labels of its samples."""

    name: str
    kind: str
    unit: str
    labels: tuple[str, ...]
    help: str


def figures(kpis: tuple[Kpi, ...]) -> list[Told]:
    """The families of the figures, of `/metrics`."""
    asked = [(one, [_figure(query, one) for query in _each_window(metrics.questions(one))]) for one in _exposed(kpis)]
    return _of_api(metrics.figure_families(asked)[0])


def agents(kpis: tuple[Kpi, ...]) -> list[Told]:
    """The families of `/metrics/agents`."""
    declared = {kpi.id: kpi for kpi in kpis}
    asked = []
    for one in _exposed(kpis):
        if "agent" in declared[one.kpi].dimensions:
            window = AGENT_WINDOW if AGENT_WINDOW in one.windows else one.windows[-1]
            asked.append((one, [_figure(Query(kpis=(one.kpi,), windows=(window,), by=("agent",)), one)]))
    return _of_api([*metrics.agent_families(asked)[0], metrics.suppressed_family({ONE: 1})])


def counters(kpis: tuple[Kpi, ...]) -> list[Told]:
    """The counters and histograms of `/metrics`: of what happened, and of what waits."""
    counted = _counted()
    spans, _ = histograms.families(counted, {kpi.id: kpi.title for kpi in kpis}, 1)
    return _of_api([*metrics.tally_families(counted.counters), *spans])


def freshness(kpis: tuple[Kpi, ...]) -> list[Told]:
    """The families of `/metrics` about the figures: how current they are, how sources stand, what is unusual."""
    watched = [_watched(kpi.id, kpi.watch.id, dims) for kpi in kpis if kpi.watch is not None for dims in _dims_of(kpi.watch)]
    fresh = Freshness(
        ready=True,
        last_event_ms=0,
        watermark_ms=0,
        lag_seconds=0.0,
        sources={ONE: 0},
        progress={ONE: 0},
        audit={"differences": 0, "last_success_ms": 0},
        standings=[Standing(source=ONE, kind=ONE, door="", at_ms=0, last_delivery_ms=0, rejected={ONE: 1}, refused={ONE: 1})],
        watched=[*watched, _watched(silences.KPI, silences.WATCH, {"source": ONE})],
        spikes=[_spike(kpi.id) for kpi in kpis[:1]],
    )
    return _of_api(metrics.freshness_families(fresh, {ONE: 1}, ONE))


def ingest() -> list[Told]:
    """The families of ingest; those of the process are its library's."""
    told = Metrics({ONE: Standing(source=ONE, kind=ONE, door="", at_ms=0)})
    told.answered(ONE, 202, 0.0, "accepted")
    told.verified(ONE, 0)
    told.rejected(ONE, Reason.BAD_TIME)
    told.ignored(ONE, ONE, (ONE,))
    out = []
    for family in told.registry.collect():
        if family.name.startswith("deskpulse_"):
            out.append(_told(family.name, family.type, family.unit, (sample.labels for sample in family.samples), family.documentation))
    return out


def aggregator() -> list[Told]:
    """The families of an aggregator that holds a shard."""
    settings = Settings()
    levels = Levels(Zone(settings.time_zone))
    shard = LedgerShard(0, rules=Rules(levels.zone, settings.dimensions.pairs), levels=levels, checkpoint_ms=1, wall=False)
    worker = Worker(settings, lambda tp: shard, lambda: 0)
    worker.hold(Held(shard, _NeverWritten()))
    found = text_string_to_metric_families(exposition(worker))
    return [_told(one.name, one.type, one.unit, (sample.labels for sample in one.samples), one.documentation) for one in found]


def _told(name: str, kind: str, unit: str, samples: Iterable[Mapping[str, str]], text: str) -> Told:
    labels = sorted({label for of_sample in samples for label in of_sample} - _OWN_LABELS)
    suffix = {"counter": "_total", "info": "_info"}.get(kind, "")
    return Told(name + suffix, kind, unit or ("seconds" if name.endswith("_seconds") else ""), tuple(labels), text)


def _of_api(families: Iterable[Family]) -> list[Told]:
    return [_told(one.name, one.kind, one.unit, (dict(labels) for _, labels, _ in one.samples), one.help) for one in families]


def _exposed(kpis: tuple[Kpi, ...]) -> list[Exposed]:
    return metrics.exposed(entry_of(kpi) for kpi in kpis)


def _each_window(queries: Iterable[Query]) -> Iterator[Query]:
    for query in queries:
        for window in query.windows:
            yield Query(kpis=query.kpis, windows=(window,), by=query.by)


def _figure(query: Query, one: Exposed) -> Figure:
    return Figure(
        kpi=one.kpi,
        version=1,
        window=query.windows[0],
        window_start=None,
        anchor="completed",
        clock="calendar",
        dims=dict.fromkeys(query.by, ONE),
        as_of="",
        watermark=None,
        value=1.0,
        unit=one.unit,
        n=1,
        numerator=1.0,
        denominator=1.0,
        ci_low=None,
        ci_high=None,
        quality="final",
    )


def _counted() -> Counted:
    """A tally of every kind, and somebody who waits."""
    tallies: dict[TallyKey, int] = {}
    for measure in MEASURES:
        if not measure.tally or measure is CASE_ANSWER:
            continue
        only_channel = measure.tally in OWN_CLASSES
        channel, team, priority = (
            ONE if label in measure.by.names and not (only_channel and label != "channel") else "" for label in LABELS
        )
        cls = class_of(BASES[measure.tally][0]) if measure.tally in BASES else OUTCOME if measure is CONVERSION else ""
        tallies[measure.tally, cls, channel, team, priority] = 1
    tallies[RATINGS, "1-5|4", ONE, "", ""] = 1
    tallies[RESPONSES, "transactional|promoter", ONE, "", ""] = 1
    return Counted(
        counters=[("events", {}, 1), *tallied.counters(tallies)],
        durations=tallied.durations(tallies),
        waiting=[(ONE, [(0, 1)])],
    )


def _dims_of(watch: Watch | WaitWatch) -> list[dict[str, str]]:
    """The whole, and each dimension by which it is watched; waits are by channel."""
    return [{}, *({name: ONE} for name in (watch.by if isinstance(watch, Watch) else ("channel",)))]


def _watched(kpi: str, watch: str, dims: dict[str, str]) -> Watched:
    return Watched(
        kpi=kpi, watch=watch, dims=dims, window="", observed=1, expected=1.0, usual_low=0, usual_high=1, surprise=0.0, unit=""
    )  # fmt: skip


def _spike(kpi: str) -> Spike:
    return Spike(
        id=kpi,
        kpi=kpi,
        watch="",
        title="",
        dims={},
        window="",
        since="",
        opened_at="",
        state="open",
        observed=1,
        expected=1.0,
        usual_low=0,
        usual_high=1,
        unit="",
        surprise=0.0,
        once_in_seconds=None,
        causes=[SpikeCause(dims={"channel": ONE}, observed=1, expected=0.0, share=1.0, surprise=0.0)],
    )


class _NeverWritten(Checkpoints):
    """The writer of a shard that is only looked at."""

    def __init__(self) -> None:
        pass
