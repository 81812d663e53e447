"""What proves the alerts of the services: series under which each stays quiet and series under which it fires, and what it then says.

`rule_tests` makes unit tests of promtool of them. A series is written as promtool writes it, one value a minute: `1x5 0x10` is a 1 for the
minutes 0 to 5, then a 0.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

API_UP, OTHER_API_UP = 'up{job="deskpulse-api",instance="a:8081"}', 'up{job="deskpulse-api",instance="b:8081"}'
INGEST_UP = 'up{job="deskpulse-ingest",instance="a:8080"}'
AGGREGATOR_UP = 'up{job="deskpulse-aggregator",instance="a:8082"}'
_API = 'job="deskpulse-api",instance="a:8081"'
_INGEST = 'job="deskpulse-ingest",instance="a:8080"'
_AGGREGATOR = 'job="deskpulse-aggregator",instance="a:8082"'


class Proof(Struct, frozen=True, kw_only=True):
    """One case of one alert.

    `quiet` and `fires` are instants of the test. `labels` are those that the expression yields, on top of the alert's own; `summary`
    and `description` what is said, needed where the alert's text is a template. `firing` are instants at which it fires whatever it says.
    """

    of: str
    case: str
    series: Mapping[str, str] = {}
    quiet: tuple[str, ...] = ()
    fires: tuple[str, ...] = ()
    firing: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}
    summary: str = ""
    description: str = ""


PROOFS: tuple[Proof, ...] = (
    Proof(of="DeskpulseFiguresStale", case="the only API goes", series={API_UP: "1x5 0x10 1x5"}, quiet=("7m", "17m"), fires=("8m", "15m")),
    Proof(of="DeskpulseFiguresStale", case="one of two goes", series={API_UP: "1x5 0x30", OTHER_API_UP: "1x40"}, quiet=("30m",)),
    Proof(of="DeskpulseFiguresStale", case="a start takes a minute", series={API_UP: "1x5 0 1x10"}, quiet=("6m", "8m", "10m")),
    Proof(of="DeskpulseFiguresStale", case="nothing is scraped at all", quiet=("1m",), fires=("2m",)),
    Proof(of="DeskpulseIngestDown", case="the only ingest goes", series={INGEST_UP: "1x5 0x10"}, quiet=("7m",), fires=("8m",)),
    Proof(of="DeskpulseAggregatorDown", case="the only aggregator goes", series={AGGREGATOR_UP: "1x5 0x10"}, quiet=("7m",), fires=("8m",)),
    Proof(
        of="DeskpulseAggregatorDown",
        case="its partitions move to the other",
        series={AGGREGATOR_UP: "1x5 0x20", 'up{job="deskpulse-aggregator",instance="b:8082"}': "1x40"},
        quiet=("20m",),
    ),
    Proof(
        of="DeskpulseReplicaDown",
        case="one of two goes",
        series={API_UP: "1x5 0x30", OTHER_API_UP: "1x40", 'up{job="node",instance="c"}': "0x40"},
        quiet=("15m",),
        fires=("16m",),
        labels={"job": "deskpulse-api", "instance": "a:8081"},
        summary="deskpulse-api at a:8081 does not answer",
    ),
    Proof(
        of="DeskpulseAggregatorStuck",
        case="a shard of facts waits",
        series={
            f'deskpulse_aggregator_checkpoint_age_seconds{{{_AGGREGATOR},shard="facts-3"}}': "0x5 60 120 180 240 0x5",
            f'deskpulse_aggregator_checkpoint_age_seconds{{{_AGGREGATOR},shard="events-0"}}': "0.1x20",
        },
        quiet=("5m", "7m", "12m"),
        fires=("8m",),
        labels={"job": "deskpulse-aggregator", "shard": "facts-3"},
        summary="facts-3 has not been written down for 3m 0s",
    ),
    Proof(
        of="DeskpulseLag",
        case="always five seconds behind",
        series={f"deskpulse_ingest_lag_seconds{{{_API}}}": "0.4x10 5x30"},
        quiet=("10m", "16m"),
        fires=("25m",),
        labels={"job": "deskpulse-api"},
        summary="Figures follow events late, by 5s",
    ),
    Proof(
        of="DeskpulseLag",
        case="a start catches up",
        series={f"deskpulse_ingest_lag_seconds{{{_API}}}": "0.4x10 9 6 0.4x30"},
        quiet=("11m", "14m", "20m", "30m"),
    ),
    Proof(
        of="DeskpulseIngestFailing",
        case="the broker is away",
        series={f'deskpulse_ingest_requests_total{{{_INGEST},source="desk",answer="503"}}': "3x10 6+3x10"},
        quiet=("10m", "12m"),
        fires=("14m",),
        labels={"job": "deskpulse-ingest"},
    ),
    Proof(
        of="DeskpulseIngestFailing",
        case="once, and then it is taken",
        series={
            f'deskpulse_ingest_requests_total{{{_INGEST},source="desk",answer="503"}}': "0x10 2x20",
            f'deskpulse_ingest_requests_total{{{_INGEST},source="desk",answer="202"}}': "0+60x30",
        },
        quiet=("11m", "12m", "14m", "20m"),
    ),
    Proof(
        of="DeskpulseRefused",
        case="a secret was changed on one side",
        series={
            f'deskpulse_ingest_requests_total{{{_INGEST},source="desk",answer="401"}}': "0x20 1+1x30",
            f'deskpulse_ingest_requests_total{{{_INGEST},source="unknown",answer="404"}}': "0+9x60",
            f'deskpulse_ingest_requests_total{{{_INGEST},source="desk",answer="429"}}': "0+9x60",
        },
        quiet=("20m", "24m"),
        fires=("40m",),
        labels={"job": "deskpulse-ingest", "source": "desk", "answer": "401"},
        summary="Deliveries to desk are refused with 401",
        description=(
            "15 deliveries within a quarter of an hour. 401 means that a secret was changed on one side only (or that a"
            " stranger knocks), 404 an address that no source has, 413 and 415 a body that is too large or of another kind. Refused is not"
            " kept: the sender must send it again."
        ),
    ),
    Proof(
        of="DeskpulseRefused",
        case="the first ones since the start of ingest, all at once: each answer is told from 0 on",
        series={f'deskpulse_ingest_requests_total{{{_INGEST},source="desk",answer="401"}}': "0x20 14x60"},
        quiet=("20m", "55m"),
        firing=("23m", "35m"),
    ),
    Proof(
        of="DeskpulseRejected",
        case="a reason that was never seen before, all at once",
        series={
            f'deskpulse_source_accepted_total{{{_API},source="desk"}}': "0+100x120",
            f'deskpulse_source_rejected_total{{{_API},source="desk",reason="bad_time"}}': "_x30 60x90",
        },
        quiet=("30m", "100m"),
        firing=("33m", "60m"),
    ),
    Proof(
        of="DeskpulseRejected",
        case="one item a minute, told twice by two replicas",
        series={
            f'deskpulse_source_accepted_total{{{_API},source="desk"}}': "0+100x300",
            f'deskpulse_source_rejected_total{{{_API},source="desk",reason="bad_time"}}': "0x60 1+1x200",
            'deskpulse_source_rejected_total{job="deskpulse-api",instance="b:8081",source="desk",reason="bad_time"}': "0x60 1+1x200",
        },
        quiet=("61m",),
        fires=("180m",),
        labels={"job": "deskpulse-api", "source": "desk"},
        summary="Items of desk cannot be used",
        description=(
            "60 items within an hour, kept and not counted: bad_time. `deskpulse rejected list` says what to put right; then"
            " `deskpulse rejected replay` counts them as if they had been right."
        ),
    ),
    Proof(
        of="DeskpulseRejected",
        case="a backfill that reaches back further than what is kept; a Prometheus that starts late",
        series={
            f'deskpulse_source_accepted_total{{{_API},source="desk"}}': "9000+100x120",
            f'deskpulse_source_rejected_total{{{_API},source="desk",reason="bad_time"}}': "400x120",
            f'deskpulse_source_rejected_total{{{_API},source="desk",reason="beyond_retention"}}': "_x30 5000x90",
        },
        quiet=("2m", "32m", "60m", "110m"),
    ),
    Proof(
        of="DeskpulseEventsRejected",
        case="the first ones since the start, all at once: each reason is told from 0 on",
        series={f'deskpulse_aggregator_rejected_total{{{_AGGREGATOR},reason="conflicting_id"}}': "0x10 8x120"},
        quiet=("10m", "90m"),
        firing=("13m", "60m"),
    ),
    Proof(
        of="DeskpulseEventsRejected",
        case="poison",
        series={f'deskpulse_aggregator_rejected_total{{{_AGGREGATOR},reason="poison"}}': "1x60 2+1x100"},
        quiet=("60m", "62m"),
        fires=("160m",),
        labels={"job": "deskpulse-aggregator", "reason": "poison"},
        summary="The aggregator cannot use some events: poison",
        description=(
            "60 events within an hour passed ingest and could not be counted; they are kept. `deskpulse rejected list` says"
            " which, and what to do."
        ),
    ),
    Proof(
        of="DeskpulseSourceDown",
        case="a day without a delivery; the other delivers",
        series={
            f'deskpulse_source_up{{{_API},source="desk"}}': "1x10 0x30",
            f'deskpulse_source_up{{{_API},source="calls"}}': "1x40",
        },
        quiet=("14m",),
        fires=("16m",),
        labels={"job": "deskpulse-api", "source": "desk"},
        summary="desk has no secret, or has not delivered for longer than it may",
    ),
    Proof(
        of="DeskpulseSourceSilent",
        case="a gap by day; a quiet night of the other",
        series={
            f'deskpulse_source_silence_surprise{{{_API},source="desk"}}': "0.2x10 1 2 3 5 7.6x30",
            f'deskpulse_source_silence_surprise{{{_API},source="calls"}}': "2.9x60",
        },
        quiet=("13m", "17m"),
        fires=("30m",),
        labels={"job": "deskpulse-api", "source": "desk"},
        summary="desk is silent though it usually delivers at this hour",
        description=(
            "By chance alone such a gap has a probability of 1 in 10^8, judged by how often this source delivers at this hour of the week;"
            " a night that is always quiet does not count. Look whether the sender has switched its webhook off, then at the network"
            " between."
        ),
    ),
    Proof(
        of="DeskpulseAuditDifferences",
        case="the newest of three audits",
        series={f"deskpulse_audit_differences{{{_API}}}": "_x5 0x10 3x10"},
        quiet=("2m", "15m"),
        fires=("16m",),
        labels={"job": "deskpulse-api"},
        summary="The newest audit found 3 figures otherwise than served",
    ),
    Proof(
        of="DeskpulseAuditStale",
        case="the last one that succeeded was 25 h before the beginning",
        series={f"deskpulse_audit_last_success_timestamp_seconds{{{_API}}}": "-90000x130"},
        quiet=("59m", "69m"),
        fires=("2h",),
        labels={"job": "deskpulse-api"},
        summary="No audit has succeeded for 1d 3h 0m 0s",
    ),
    Proof(
        of="DeskpulseAuditStale", case="audits are not run here", series={f"deskpulse_ingest_lag_seconds{{{_API}}}": "0x130"}, quiet=("2h",)
    ),
    Proof(
        of="DeskpulseSeriesSuppressed",
        case="a sender fills the team with something else",
        series={f'deskpulse_series_suppressed{{{_API},family="deskpulse_window_escalation_rate_ratio"}}': "_x10 12x40"},
        quiet=("9m", "24m"),
        fires=("26m",),
        labels={"job": "deskpulse-api", "family": "deskpulse_window_escalation_rate_ratio"},
        summary="deskpulse_window_escalation_rate_ratio leaves out 12 parts",
    ),
)
