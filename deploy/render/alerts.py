"""The alerts of an installation as a table: who is woken by what, in which words, and how long it must have lasted.

Few, and of what customers or readers of the figures would notice. Those of KPIs follow from declarations: `alerts_of_spikes` from what
the catalogue watches, `alerts_of_targets` from the configured targets. `rules` makes YAML of all of them.

Laws: every name is `Deskpulse…` and unique; the label `tenant` (added by `rules`) and, where it is about a KPI, `kpi` are on every alert;
replicas of the API tell the same, so what they tell is taken as `max without (instance)`; each ingest and each aggregator counts its own
part, so those are summed.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Severity = Literal["critical", "warning", "info"]
API, AGENTS, INGEST, AGGREGATOR = "deskpulse-api", "deskpulse-agents", "deskpulse-ingest", "deskpulse-aggregator"
"""The names of the scrape jobs, as in deploy/prometheus/prometheus.yml; whoever scrapes with a Prometheus of his own takes the same."""


class Alert(Struct, frozen=True, kw_only=True):
    """One alert.

    `expr` is PromQL; `lasts` (`for` in the rule) and `keep_firing_for` are durations of Prometheus, "" is none. `summary` says what
    is wrong in one line and `description` what it means and what to look at first; both are templates of Prometheus. `board` is the wall
    board to open. `kpi` is "" where it is about no KPI, `job` the scrape job where its expression yields no such label. `unasked` is
    the description for a system whose templates cannot ask Prometheus, where `description` does.
    """

    name: str
    severity: Severity
    summary: str
    description: str
    expr: str
    lasts: str = ""
    keep_firing_for: str = ""
    kpi: str = ""
    job: str = ""
    board: str = "operations"
    unasked: str = ""


FRESHNESS: tuple[Alert, ...] = (
    Alert(
        name="DeskpulseFiguresStale",
        severity="critical",
        summary="No API shows current figures",
        description=(
            "For two minutes no API has answered its scrape: none runs, or none has caught up with the events (the API answers 503 when"
            " events wait for more than 10 s). Walls are grey, and no alert about a KPI can be believed. Look at /readyz of the API,"
            " which says why."
        ),
        # the exposition answers 503 until the figures are current, so that "away" and "stale" look the same from here
        expr=f'absent(up{{job="{API}"}} == 1)',
        lasts="2m",  # longer than a start takes; readers who need to know sooner look at a wall, which is grey at once
        job=API,
    ),
    Alert(
        name="DeskpulseIngestDown",
        severity="critical",
        summary="No ingest takes webhooks",
        description=(
            "For two minutes no ingest has answered. Nothing is lost as long as senders try again, and most give up within hours. Start"
            " ingest, or see in its log why it ends."
        ),
        expr=f'absent(up{{job="{INGEST}"}} == 1)',
        lasts="2m",
        job=INGEST,
        board="sources",
    ),
    Alert(
        name="DeskpulseAggregatorDown",
        severity="critical",
        summary="No aggregator counts events",
        description=(
            "For two minutes no aggregator has answered. Events are kept in Kafka, the figures stand still as soon as one waits. Start"
            " the aggregator, or see in its log why it ends."
        ),
        expr=f'absent(up{{job="{AGGREGATOR}"}} == 1)',
        lasts="2m",
        job=AGGREGATOR,
    ),
    Alert(
        name="DeskpulseReplicaDown",
        severity="warning",
        summary="{{ $labels.job }} at {{ $labels.instance }} does not answer",
        description=(
            "One of the scraped addresses has not answered for ten minutes: the process is gone, not caught up, refuses the token, or"
            " tells more series than the job's sample_limit. Others of its kind may still do the work."
        ),
        expr='up{job=~"deskpulse-.+"} == 0',
        lasts="10m",
    ),
    Alert(
        name="DeskpulseAggregatorStuck",
        severity="critical",
        summary="{{ $labels.shard }} has not been written down for {{ $value | humanizeDuration }}",
        description=(
            "A shard has counted events and cannot write what it counted, so that its part of the figures stands still. The"
            " aggregator's /healthz says the same after a minute, and whatever supervises it should start it again; if it does not"
            " help, look at Kafka's disk and log."
        ),
        expr="max by (job, shard) (deskpulse_aggregator_checkpoint_age_seconds) > 60",  # the age at which /healthz gives up
        lasts="1m",
    ),
    Alert(
        name="DeskpulseLag",
        severity="warning",
        summary="Figures follow events late, by {{ $value | humanizeDuration }}",
        description=(
            "Over five minutes events waited longer than three seconds on average to get into the figures; usual is well below one."
            " Above 10 s walls turn grey. A large backfill does this for as long as it lasts; otherwise the aggregator lacks processor"
            " time or partitions."
        ),
        expr="max without (instance) (avg_over_time(deskpulse_ingest_lag_seconds[5m])) > 3",
        lasts="5m",
        keep_firing_for="5m",
    ),
)

DELIVERIES: tuple[Alert, ...] = (
    Alert(
        name="DeskpulseIngestFailing",
        severity="critical",
        summary="Ingest cannot keep what senders deliver",
        description=(
            "For two minutes ingest has answered deliveries with 5xx: Kafka does not acknowledge. Nothing is pretended and senders try"
            " again, most of them for hours only. Look at the broker first."
        ),
        expr='sum by (job) (rate(deskpulse_ingest_requests_total{answer=~"5.."}[2m])) > 0',
        lasts="2m",
        keep_firing_for="2m",  # senders pause between attempts
        board="sources",
    ),
    Alert(
        name="DeskpulseRefused",
        severity="warning",
        summary="Deliveries to {{ $labels.source }} are refused with {{ $labels.answer }}",
        description=(
            "{{ $value | printf `%.0f` }} deliveries within a quarter of an hour. 401 means that a secret was changed on one side only (or"
            " that a stranger knocks), 404 an address that no source has, 413 and 415 a body that is too large or of another kind."
            " Refused is not kept: the sender must send it again."
        ),
        # at least five, so that a scanner's single knock wakes nobody; 408, 422 and 429 are answered by sending again or kept as rejected
        expr='sum by (job, source, answer) (increase(deskpulse_ingest_requests_total{answer=~"40[0-7]|41.",source!="unknown"}[15m])) >= 5',
        lasts="1m",
        keep_firing_for="10m",
        board="sources",
    ),
    Alert(
        name="DeskpulseRejected",
        severity="warning",
        summary="Items of {{ $labels.source }} cannot be used",
        description=(
            "{{ $value | printf `%.0f` }} items within an hour, kept and not counted:"
            ' {{ range $i, $reason := printf "topk(3, max by (reason) (deskpulse_source_rejected_total{source=%q}))" $labels.source |'
            " query }}"
            "{{ if $i }}, {{ end }}{{ $reason.Labels.reason }}{{ else }}see the list{{ end }}. `deskpulse rejected list` says what to"
            " put right; then `deskpulse rejected replay` counts them as if they had been right."
        ),
        unasked=(
            "{{ $value | printf `%.0f` }} items within an hour, kept and not counted. `deskpulse rejected list` says for which reasons, and"
            " what to put right; then `deskpulse rejected replay` counts them as if they had been right."
        ),
        # reasons appear with their first item, which increase() would miss: beside a series that is there from the start it sees a rise
        # from 0; what is older than what is kept is no fault but what a backfill brings
        expr=(
            "increase((sum by (job, source) (max without (instance)"
            ' (deskpulse_source_rejected_total{reason!="beyond_retention"}))\n'
            "  or max without (instance) (deskpulse_source_accepted_total) * 0)[1h:1m]) >= 3"
        ),
        lasts="1m",
        keep_firing_for="10m",
        board="sources",
    ),
    Alert(
        name="DeskpulseEventsRejected",
        severity="warning",
        summary="The aggregator cannot use some events: {{ $labels.reason }}",
        description=(
            "{{ $value | printf `%.0f` }} events within an hour passed ingest and could not be counted; they are kept. `deskpulse rejected"
            " list` says which, and what to do."
        ),
        expr=('sum by (job, reason) (increase(deskpulse_aggregator_rejected_total{reason!="beyond_retention"}[1h])) >= 3'),
        lasts="1m",
        keep_firing_for="10m",
        board="sources",
    ),
    Alert(
        name="DeskpulseSourceDown",
        severity="warning",
        summary="{{ $labels.source }} has no secret, or has not delivered for longer than it may",
        description=(
            "Figures that live on this source miss what happens there. `deskpulse sources list` says which of the two it is;"
            " quiet_after_seconds of the source (a day unless set) is how long it may be silent. After that the sender is the place to"
            " look: most switch a webhook off after failures."
        ),
        expr="max without (instance) (deskpulse_source_up) == 0",
        lasts="5m",
        board="sources",
    ),
    Alert(
        name="DeskpulseSourceSilent",
        severity="warning",
        summary="{{ $labels.source }} is silent though it usually delivers at this hour",
        description=(
            "By chance alone such a gap has a probability of 1 in 10^{{ $value | printf `%.0f` }}, judged by how often this source"
            " delivers at this"
            " hour of the week; a night that is always quiet does not count. Look whether the sender has switched its webhook off, then"
            " at the network between."
        ),
        expr="max without (instance) (deskpulse_source_silence_surprise) > 4",  # p < 1e-4, as for every unusual number
        lasts="5m",
        keep_firing_for="5m",
        board="sources",
    ),
)

PROOF: tuple[Alert, ...] = (
    Alert(
        name="DeskpulseAuditDifferences",
        severity="warning",
        summary="The newest audit found {{ $value | printf `%.0f` }} figures otherwise than served",
        description=(
            "What is shown does not follow from the events. `deskpulse audit` names the figures, `deskpulse explain … --from-events`"
            " shows one of them, `deskpulse rebuild --all` makes all anew beside the live ones. Keep the audit's output."
        ),
        expr="max without (instance) (deskpulse_audit_differences) > 0",
    ),
    Alert(
        name="DeskpulseAuditStale",
        severity="warning",
        summary="No audit has succeeded for {{ $value | humanizeDuration }}",
        description=(
            "Audits were run here and have stopped, or find differences each time. Look at the timer that runs `deskpulse audit`. Where"
            " audits run less often than once a day this threshold has to be larger."
        ),
        expr="time() - max without (instance) (deskpulse_audit_last_success_timestamp_seconds) > 26 * 3600",  # a daily audit, and two hours
        lasts="10m",
    ),
    Alert(
        name="DeskpulseSeriesSuppressed",
        severity="info",
        summary="{{ $labels.family }} leaves out {{ $value | printf `%.0f` }} parts",
        description=(
            "More channels, teams or agents than one family shows: those with the fewest cases are left out of the metrics, not of the"
            " totals nor of the API. Mostly a sender fills a field with something that is no channel or team."
        ),
        expr="max without (instance) (deskpulse_series_suppressed) > 0",
        lasts="15m",
    ),
)

OF_SERVICES: tuple[Alert, ...] = (*FRESHNESS, *DELIVERIES, *PROOF)
