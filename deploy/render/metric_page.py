"""docs/metrics.md: every family of every `/metrics`, as the services' own code tells it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from deploy.render import metric_families
from deploy.render.markdown import code, head, joined, sentence, table
from deploy.render.metric_families import Told
from kpis.kpi import Kpi
from services.api.metrics import EXPOSED_WINDOWS, MOST_AGENTS, MOST_PARTS

_ABOUT = f"""\
**Figures beside counters.** A gauge of a KPI is the figure of the wall and of `/v1/figures`: exact over its `window`
({", ".join(EXPOSED_WINDOWS)}), corrected when late events come, and finished: never sum or average over `window`, and never combine the
medians of channels. A ratio, duration or score over a window comes with `…_numerator` and `…_denominator`, from which a ratio can be
formed again over any set of channels. Counters and histograms are the other kind: what happened, counted once, gross, never taken back;
they may be summed over every label and read over any span with `rate`, `increase` and `histogram_quantile`. Every configured limit is a
bound of its histogram, so that the share within it is exact. A *gaugehistogram* is of now: `histogram_quantile` without `rate`. Counters
of one subject (tickets, calls, conversions) stand at 0 as soon as any of them knows their labels; the very first case of a channel and
team that nothing was counted of is where they begin, so that no `increase` shows it. Figures show at most {MOST_PARTS} channels or teams,
`/metrics/agents` at most {MOST_AGENTS} agents; how many are left out tells `deskpulse_series_suppressed`, the totals hold them all.

**Replicas.** Every replica of the API tells the whole board. Take one before you add anything up:
`sum(max without (instance) (rate(deskpulse_escalations_total[5m])))`; a `sum` over `instance` counts every ticket once for each
replica. What ingests and aggregators count is each process's own share, and is summed.

**503.** `/metrics` of the API answers 503 with the reason and `Retry-After` while it reads the history or has fallen behind, because
half-read history would look like a burst and old figures like new ones. So `up` is 0 and every series of that replica is gone within one
scrape: a dashboard says NO DATA, `DeskpulseFiguresStale` wakes somebody when no replica answers, and nothing shows the last good number.
A figure without value (nothing to divide) is left out, never 0 and never NaN; its numerator and denominator stay. In the text format
0.0.4 a gaugehistogram is told as a histogram; OpenMetrics, which Prometheus asks for, has all types. Scrape every 5 to 15 s."""
_COMPONENTS = ("_numerator", "_denominator")


def page(kpis: tuple[Kpi, ...]) -> str:
    """The page."""
    lines = [*head("Metrics", "the services' own expositions (deploy/render/metric_families.py)"), *_ABOUT.split("\n"), ""]
    lines += [
        "What each KPI means: [kpis.md](kpis.md). Dashboards over all of it: [grafana.md](grafana.md). Alerts: [alerts.md](alerts.md).",
        "",
    ]
    for title, about, told in (
        (
            "API: what happened, and what waits",
            "`/metrics`. Counters and histograms: to be summed, over any span.",
            metric_families.counters(kpis),
        ),
        (
            "API: whether it may be believed",
            "`/metrics`. How current the figures are, how the sources stand, what is unusual, what the audit found.",
            metric_families.freshness(kpis),
        ),
        (
            "API: figures",
            "`/metrics`. `deskpulse_all_…` is the total, the family without `all_` its parts by channel or team; `with` names what is told"
            " beside the value, under the same labels.",
            metric_families.figures(kpis),
        ),
        (
            "API: figures by agent",
            "`/metrics/agents`, with a scrape job of its own. `agent` is an opaque id.",
            metric_families.agents(kpis),
        ),
        (
            "Ingest",
            "`/metrics` of each ingest, beside `process_…` of the Python client (memory, processor time, open files). Each counts its own.",
            metric_families.ingest(),
        ),
        ("Aggregator", "`/metrics` of each aggregator. Each counts its own shards.", metric_families.aggregator()),
    ):
        lines += [f"## {title}", "", about, "", *_table(told)]
    return joined(lines)


def _table(told: Iterable[Told]) -> list[str]:
    held = {one.name: one for one in told}
    beside: dict[str, list[str]] = {}
    for name in held:
        for suffix in _COMPONENTS:
            if name.endswith(suffix) and name.removesuffix(suffix) in held:
                beside.setdefault(name.removesuffix(suffix), []).append(f"…{suffix}")
    own = [one for one in held.values() if not any(one.name.endswith(s) and one.name.removesuffix(s) in held for s in _COMPONENTS)]
    if not beside:
        return table(("family", "type", "unit", "labels", "help"), _rows(own))
    rows = [(*row[:4], code(beside.get(one.name, [])), row[4]) for one, row in zip(own, _rows(own), strict=True)]
    return table(("family", "type", "unit", "labels", "with", "help"), rows)


def _rows(told: Iterable[Told]) -> Iterator[tuple[str, str, str, str, str]]:
    for one in told:
        yield f"`{one.name}`", one.kind, one.unit or "–", code(one.labels), sentence(one.help)
