"""How long things take over any span, how old what waits is, and what customers answered: from histograms and counters.

Every duration that is tallied has its line in the table and its panels, by being declared; the figures over fixed windows are on the
dashboard of the KPIs. Law: of what replicas of the API tell, one is taken before anything is added up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

from deploy.render.dashboards.frame import Line, Panel, Placed, Section, chosen
from deploy.render.dashboards.frame import dashboard as framed
from deploy.render.dashboards.heat import heat
from deploy.render.dashboards.panels import Ask, Column, lines, rows
from deploy.render.dashboards.promql import grown, quantile, select, within
from deploy.render.dashboards.sdk import m, timeseries
from deploy.render.dashboards.wall import spoken
from kpis.kpi import Kpi
from kpis.tallies import BASES
from services.api import histograms
from services.api.declared import targets_of
from services.settings import Settings, TargetSettings

RANGE, STEP = "$__range", "$__rate_interval"
_CHANNEL = '=~"$channel"'
_SELDOM, _RARE = "10m", "1h"
"""The least step of a panel: shorter ones hold too few cases for a quantile, or an answer now and then."""
_ESTIMATE = " An estimate: Prometheus interpolates within a bucket."


def durations(kpis: tuple[Kpi, ...]) -> list[Kpi]:
    """The KPIs that have a histogram, in the order of the catalogue."""
    return [kpi for kpi in kpis if kpi.id in BASES]


def dashboard(kpis: tuple[Kpi, ...], targets: Mapping[str, TargetSettings]) -> m.Dashboard:
    """The dashboard."""
    limits = _limits(kpis, targets)
    sections = [Section("", [Line(9, _waiting()), Line(11, (Placed(24, _table(durations(kpis), limits)),))])]
    for subject, of_subject in groupby(durations(kpis), key=lambda kpi: kpi.subject):
        panels = [panel for kpi in of_subject for panel in _over_time(kpi, limits.get(kpi.id))]
        sections.append(Section(subject.capitalize(), _in_rows(panels, 12), collapsed=len(sections) > 1))
    sections.append(Section("Answers and conversions", [*_in_rows(list(_answers()), 8), *_in_rows(list(_conversions()), 12)]))
    return framed(
        "deskpulse-distributions",
        "Distributions",
        "How long things take over any span, the share within each limit, how old what waits is, ratings, recommendations, conversions.",
        sections,
        variables=[
            chosen(
                "channel",
                "Channel",
                'label_values({__name__=~"deskpulse_.+_seconds_bucket",job=~"$job",instance=~"$instance"}, channel)',
                every=".*",
            )
        ],
        since="now-24h",
        refresh="1m",
    )


def _limits(kpis: tuple[Kpi, ...], targets: Mapping[str, TargetSettings]) -> dict[str, float]:
    """The limit in seconds of each KPI that has one."""
    found = targets_of(Settings().model_copy(update={"targets": dict(targets)}), kpis)
    return {kpi: target.within_ms / 1000 for kpi, target in found.items() if target.within_ms}


def _family(kpi: Kpi) -> str:
    return f"deskpulse_{kpi.id}_seconds"


def _waiting() -> list[Placed]:
    buckets = select(f"{histograms.QUEUE}_bucket", channel=_CHANNEL)
    oldest = select("deskpulse_queue_oldest_timestamp_seconds", channel=_CHANNEL)
    return [
        Placed(
            14,
            heat(
                "How long what waits has waited",
                "Customers with an unanswered message and queued calls by how long they have waited at each moment; darker is more. "
                "A dark band that climbs is a queue that nobody works on.",
                "s",
                f"sum by (le) (max without (instance) ({buckets}))",
            ),
        ),
        Placed(
            10,
            lines(
                "Longest wait by channel",
                "How long whoever waits longest on each channel has waited at each moment.",
                "s",
                [Ask(f"clamp_min(time() - min by (channel) (max without (instance) ({oldest})), 0)", "{{channel}}")],
            ),
        ),
    ]


def _table(some: list[Kpi], limits: Mapping[str, float]) -> Panel:
    def each(asks: Iterator[tuple[str, str]]) -> str:
        return "\n or ".join(f'label_replace({expr}, "kpi", "{kpi}", "", "")' for kpi, expr in asks)

    limited = [kpi for kpi in some if kpi.id in limits]
    asks = [
        each((kpi.title, grown(f"{_family(kpi)}_count", over=RANGE, channel=_CHANNEL)) for kpi in some),
        each((kpi.title, quantile(0.5, _family(kpi), over=RANGE, channel=_CHANNEL)) for kpi in some),
        each((kpi.title, quantile(0.9, _family(kpi), over=RANGE, channel=_CHANNEL)) for kpi in some),
    ]
    columns = [
        Column("kpi", "What"),
        Column("A", "Cases"),
        Column("B", "Half within", unit="s"),
        Column("C", "90 % within", unit="s"),
    ]
    held = ""
    if limited:
        asks.append(each((kpi.title, within(_bound(limits[kpi.id]), _family(kpi), over=RANGE, channel=_CHANNEL)) for kpi in limited))
        columns.append(Column("D", "Within the limit", unit="percentunit"))
        held = f" Limits: {', '.join(f'{kpi.title} {spoken(limits[kpi.id], kpi.unit)}' for kpi in limited)}; those shares are exact."
    return rows(
        "Durations over the time range",
        f"Every duration over the time range above, of the channels chosen: free spans, where windows are fixed.{held}{_ESTIMATE}",
        asks,
        "kpi",
        columns,
        sort_by="Cases",
    )


def _over_time(kpi: Kpi, limit: float | None) -> Iterator[timeseries.Panel]:
    about = f"{kpi.meaning} Of the cases within each step."
    yield lines(
        f"{kpi.title} · half and 90 % within",
        f"{about}{_ESTIMATE}",
        "s",
        [Ask(quantile(share, _family(kpi), channel=_CHANNEL), name) for share, name in ((0.5, "half"), (0.9, "90 %"))],
        strong=("half",),
        dashed=("90 %",),
    ).interval(_SELDOM)
    if limit is not None:
        yield lines(
            f"{kpi.title} · share within {spoken(limit, kpi.unit)}",
            f"{about} Exact: the limit is a bound of the histogram, from when it was set on.",
            "percentunit",
            [Ask(within(_bound(limit), _family(kpi), over=STEP, channel=_CHANNEL))],
        ).interval(_SELDOM)


def _bound(limit: float) -> str:
    """The label `le` of a limit, as the exposition writes it."""
    return str(round(limit * 1000) / 1000)


def _answers() -> Iterator[timeseries.Panel]:
    responses = "deskpulse_nps_responses_total"

    def answered(group: str = '=~".+"') -> str:
        return grown(responses, "kind", over=STEP, group=group, channel=_CHANNEL)

    yield lines(
        "Ratings by score",
        "How many rated their case so within each step; the scale is named beside the score. Corrections do not lower it.",
        "locale",
        [Ask(grown("deskpulse_csat_ratings_total", "scale", "score", over=STEP, channel=_CHANNEL), "{{score}} of {{scale}}")],
    ).interval(_RARE)
    yield lines(
        "Recommendations by group",
        "Answers to whether one would recommend: promoters gave 9 or 10, detractors 6 or less.",
        "locale",
        [Ask(grown(responses, "group", over=STEP, channel=_CHANNEL), "{{group}}")],
    ).interval(_RARE)
    none = f"0 * {answered()}"
    score = f"(({answered('promoter')} or {none}) - ({answered('detractor')} or {none})) / ({answered()} > 0) * 100"
    yield lines(
        "Recommendation score by kind of survey",
        "Promoters less detractors in a hundred answers, -100 to 100: transactional surveys ask about a case, relationship ones do not. "
        "The score over 28 and 90 days with its interval is the KPI.",
        "locale",
        [Ask(score, "{{kind}}")],
        at_least=None,
        decimals=0,
    ).interval(_RARE)


def _conversions() -> Iterator[timeseries.Panel]:
    ended = grown("deskpulse_conversion_opportunities_total", over=STEP, channel=_CHANNEL)
    bought = grown("deskpulse_conversions_total", over=STEP, channel=_CHANNEL)
    yield lines(
        "Contacts that ended, and purchases credited to them",
        "Each contact that ended is an opportunity for seven days; a purchase within them is credited to it when it happens.",
        "locale",
        [Ask(ended, "contacts that ended"), Ask(bought, "purchases credited")],
        dashed=("contacts that ended",),
    ).interval(_RARE)
    yield lines(
        "Purchases credited for each contact that ended",
        "Of the same step, though a purchase may follow its contact days later: right over days that are alike. The KPI counts by contact.",
        "percentunit",
        [Ask(f"{bought} / ({ended} > 0)")],
    ).interval(_RARE)


def _in_rows(panels: list[timeseries.Panel], width: int) -> list[Line]:
    placed = [Placed(width, panel) for panel in panels]
    return [Line(8, placed[i : i + 24 // width]) for i in range(0, len(placed), 24 // width)]
