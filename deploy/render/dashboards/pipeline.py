"""Whether the figures may be believed: sources, ingest, the aggregators, the API, and the audit."""

from __future__ import annotations

from deploy.render.dashboards import pipeline_services
from deploy.render.dashboards.frame import Line, Panel, Placed, Section, chosen
from deploy.render.dashboards.frame import dashboard as framed
from deploy.render.dashboards.palette import ORANGE, PLAIN, VERMILION
from deploy.render.dashboards.panels import Ask, Column, Steps, Word, lines, number, rows, words
from deploy.render.dashboards.promql import select, whole, whole_rate
from deploy.render.dashboards.sdk import m

_FAMILIES = "deskpulse_build_info|deskpulse_ingest_seconds_count|deskpulse_aggregator_entities"
_UP = {0: Word("▲ silent or not ready", VERMILION), 1: Word("● delivers", PLAIN)}
_SOURCE = '=~"$source"'
_ANY: Steps = ((None, PLAIN), (1, VERMILION))


def dashboard() -> m.Dashboard:
    """The dashboard."""
    return framed(
        "deskpulse-pipeline",
        "Sources and pipeline",
        "Whether the figures may be believed: what comes in, what is refused, how far counting is behind, and what the audit says.",
        [
            Section("", [Line(5, _now())]),
            Section("Sources", _sources()),
            Section("Ingest", pipeline_services.ingest()),
            Section("Aggregator", pipeline_services.aggregator(), collapsed=True),
            Section("API", pipeline_services.api(), collapsed=True),
        ],
        families=_FAMILIES,
        variables=[chosen("source", "Source", 'label_values(deskpulse_source_up{job=~"$job",instance=~"$instance"}, source)')],
        since="now-3h",
    )


def _now() -> list[Placed]:
    up = whole("deskpulse_source_up", "source")
    return [
        Placed(
            4,
            number(
                "Sources that deliver",
                "How many sources have their secret and deliver as often as they should.",
                "none",
                [Ask(f"sum({up})")],
            ),
        ),
        Placed(
            4,
            number(
                "Sources silent or not ready",
                "Sources without a secret, or silent for longer than they may be.",
                "none",
                [Ask(f"sum(1 - {up})")],
                steps=_ANY,
            ),
        ),
        Placed(
            4,
            number(
                "Waits to be counted",
                "How long the event that has waited longest has waited to get into the figures.",
                "s",
                [Ask(whole("deskpulse_ingest_lag_seconds"))],
                steps=((None, PLAIN), (10, ORANGE), (60, VERMILION)),
            ),
        ),
        Placed(
            4,
            number(
                "Newest event",
                "How long ago the newest event of any source happened. A quiet night is no fault.",
                "s",
                [Ask(f"clamp_min(time() - {whole('deskpulse_all_last_event_timestamp_seconds')}, 0)")],
            ),
        ),
        Placed(
            4,
            number(
                "Audit differences",
                "Figures that the newest audit found otherwise than served: must be 0. NO DATA: no audit ran.",
                "none",
                [Ask(whole("deskpulse_audit_differences"))],
                steps=_ANY,
            ),
        ),
        Placed(
            4,
            number(
                "Since the last good audit",
                "How long ago an audit last found every figure equal to what follows from the events.",
                "s",
                [Ask(f"clamp_min(time() - {whole('deskpulse_audit_last_success_timestamp_seconds')}, 0)")],
                steps=((None, PLAIN), (7_200, ORANGE), (86_400, VERMILION)),
            ),
        ),
    ]


def _sources() -> list[Line]:
    return [
        Line(9, (Placed(24, _table()),)),
        Line(
            8,
            (
                Placed(
                    12,
                    lines(
                        "Deliveries by what became of them",
                        "Deliveries a second; the four kinds add up to all that came.",
                        "cps",
                        [
                            Ask(
                                f"sum by (kind) ({whole_rate('deskpulse_source_deliveries_total', 'source', 'kind', source=_SOURCE)})",
                                "{{kind}}",
                            )
                        ],
                    ),
                ),
                Placed(
                    12,
                    lines(
                        "Events accepted by source",
                        "Events a second that Kafka has acknowledged.",
                        "cps",
                        [Ask(whole_rate("deskpulse_source_accepted_total", "source", source=_SOURCE), "{{source}}")],
                    ),
                ),
            ),
        ),
        Line(
            8,
            (
                Placed(
                    8,
                    lines(
                        "Silence by source",
                        "How long ago a verified sender of a source last delivered.",
                        "s",
                        [Ask(whole("deskpulse_source_silence_seconds", "source", source=_SOURCE), "{{source}}")],
                    ),
                ),
                Placed(
                    8,
                    lines(
                        "Rejected by reason",
                        "Items a second that could not be used; `deskpulse rejected list` says what to do.",
                        "cps",
                        [Ask(whole_rate("deskpulse_source_rejected_total", "source", "reason", source=_SOURCE), "{{source}} · {{reason}}")],
                    ),
                ),
                Placed(
                    8,
                    lines(
                        "Refused by answer",
                        "Deliveries a second that were not taken, by the status of the answer: 401 is mostly a secret "
                        "that was changed on one side only.",
                        "cps",
                        [Ask(whole_rate("deskpulse_source_refused_total", "source", "reason", source=_SOURCE), "{{source}} · {{reason}}")],
                    ),
                ),
            ),
        ),
    ]


def _table() -> Panel:
    def within(name: str, *by: str) -> str:
        each = f"max by ({', '.join(('source', *by))}) (increase({select(name, source=_SOURCE)}[$__range]))"
        return f"sum by (source) ({each})" if by else each

    return rows(
        "Sources",
        "One line for each source: how it stands now, and what came of its deliveries within the time range (an estimate from samples).",
        [
            whole("deskpulse_source_up", "source", source=_SOURCE),
            whole("deskpulse_source_silence_seconds", "source", source=_SOURCE),
            within("deskpulse_source_accepted_total"),
            within("deskpulse_source_ignored_total"),
            within("deskpulse_source_rejected_total", "reason"),
            within("deskpulse_source_refused_total", "reason"),
            within("deskpulse_source_repeated_total"),
        ],
        "source",
        [
            Column("source", "Source"),
            Column("A", "State", unit="none", words=words(_UP), coloured=True, width=220),
            Column("B", "Silent for", unit="s"),
            Column("C", "Accepted"),
            Column("D", "Ignored"),
            Column("E", "Rejected"),
            Column("F", "Refused"),
            Column("G", "Repeated"),
        ],
        sort_by="Silent for",
    )
