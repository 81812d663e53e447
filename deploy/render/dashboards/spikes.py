"""What is unusual: how surprising each watched number is, what was expected, and which slice carries the excess."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from deploy.render.dashboards.frame import Line, Panel, Placed, Section, chosen
from deploy.render.dashboards.frame import dashboard as framed
from deploy.render.dashboards.palette import PLAIN, QUIET, VERMILION
from deploy.render.dashboards.panels import Ask, Column, Word, bars, lines, rows, states, words
from deploy.render.dashboards.promql import whole
from deploy.render.dashboards.sdk import m
from kpis.kpi import Kpi

SURPRISE_ALARM = 4
"""-log10 p: from here on chance alone would do it once in ten thousand looks."""
_STATES = {0: Word("● as usual", PLAIN), 1: Word("▲ unusually high", VERMILION)}


def watched(kpis: Iterable[Kpi]) -> list[tuple[Kpi, str]]:
    """The KPIs that are watched for spikes, with the name of their watch."""
    return [(kpi, kpi.watch.id) for kpi in kpis if kpi.watch is not None]


def dashboard(kpis: tuple[Kpi, ...]) -> m.Dashboard:
    """The dashboard."""
    return framed(
        "deskpulse-spikes",
        "Spikes",
        "How surprising each watched number is, what was expected of it, and which slice carries the excess.",
        [
            Section("", [Line(9, (Placed(15, spike_table(kpis)), Placed(9, _causes()))), Line(7, (Placed(24, _history()),))]),
            Section("How surprising", _in_pairs(_surprises(kpis))),
            Section("Observed and expected", _in_pairs(_expectations(kpis))),
            Section("Which slices", [Line(9, (Placed(24, _shares()),))]),
        ],
        variables=[chosen("kpi", "KPI", 'label_values(deskpulse_spike_alert{job=~"$job",instance=~"$instance"}, kpi)')],
    )


def spike_table(kpis: tuple[Kpi, ...]) -> Panel:
    """One row for each watched KPI: whether it is unusual, and where that comes from."""
    names = {kpi.id: Word(f"{kpi.title} (s)" if kpi.unit == "seconds" else kpi.title, "") for kpi, _ in watched(kpis)}
    return rows(
        "What is unusual · watched windows",
        "One line for each watched number: what was observed, what is expected of this hour of the week, and, while it is unusually "
        "high, the slice that carries most of the excess. NO DATA: nothing could be judged, which is no all-clear.",
        [
            whole("deskpulse_spike_alert", "kpi"),
            whole("deskpulse_spike_observed", "kpi"),
            whole("deskpulse_spike_expected", "kpi"),
            f"topk by (kpi) (1, {whole('deskpulse_spike_cause_share', 'kpi', 'slice')})",
        ],
        "kpi",
        [
            Column("kpi", "What", words=words(names)),
            Column("A", "State", unit="none", words=words(_STATES), coloured=True, width=170),
            Column("B", "Observed", width=100),
            Column("C", "Expected", width=100),
            Column("slice", "Mostly from"),
            Column("D", "Of the excess", unit="percentunit", width=120),
        ],
        sort_by="State",
    )


def _causes() -> Panel:
    return bars(
        "Causes now",
        "The slices that carry the excess of what is unusual, corrected for how many were looked at; empty while nothing is.",
        "percentunit",
        Ask(whole("deskpulse_spike_cause_share", "kpi", "slice", kpi='=~"$kpi"'), "{{slice}} · {{kpi}}"),
        most=1,
    )


def _history() -> Panel:
    return states(
        "Unusual over time",
        "When each watched number was unusually high.",
        Ask(whole("deskpulse_spike_alert", "kpi", kpi='=~"$kpi"'), "{{kpi}}"),
        {0: Word("as usual", QUIET), 1: Word("unusually high", VERMILION)},
    )


def _surprises(kpis: Iterable[Kpi]) -> Iterator[Panel]:
    for kpi, watch in watched(kpis):
        yield lines(
            f"{kpi.title}: surprise",
            f"-log10 of the chance of at least this much, in all and by channel; {SURPRISE_ALARM} means once in ten thousand looks. "
            "From the dashed line on, and with at least five cases and twice the expected, somebody is told.",
            "none",
            [
                Ask(whole(f"deskpulse_all_{watch}_surprise"), "all"),
                Ask(whole(f"deskpulse_{watch}_surprise", "channel"), "{{channel}}"),
            ],
            strong=("all",),
            alarm=SURPRISE_ALARM,
            alarm_colour=VERMILION,
            decimals=1,
        )
    yield lines(
        "Silence of a source: surprise",
        "-log10 of the chance that a source that delivers as it usually does is silent for as long as it is.",
        "none",
        [Ask(whole("deskpulse_source_silence_surprise", "source"), "{{source}}")],
        alarm=SURPRISE_ALARM,
        alarm_colour=VERMILION,
        decimals=1,
    )


def _expectations(kpis: Iterable[Kpi]) -> Iterator[Panel]:
    for kpi, _ in watched(kpis):
        yield lines(
            f"{kpi.title}: observed and expected",
            "What was observed in the watched window, and what is expected of it at this hour of the week (dashed).",
            "s" if kpi.unit == "seconds" else "locale",
            [
                Ask(whole("deskpulse_spike_observed", kpi=kpi.id), "observed"),
                Ask(whole("deskpulse_spike_expected", kpi=kpi.id), "expected"),
            ],
            strong=("observed",),
            dashed=("expected",),
            decimals=None if kpi.unit == "seconds" else 1,
        )


def _shares() -> Panel:
    return lines(
        "Share of the excess by slice",
        "Which part of what is too much each named slice carries; only while something is unusually high.",
        "percentunit",
        [Ask(whole("deskpulse_spike_cause_share", "kpi", "slice", kpi='=~"$kpi"'), "{{slice}} · {{kpi}}")],
    )


def _in_pairs(panels: Iterable[Panel]) -> list[Line]:
    placed = [Placed(12, panel) for panel in panels]
    return [Line(8, placed[i : i + 2]) for i in range(0, len(placed), 2)]
