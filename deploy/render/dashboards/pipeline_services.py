"""The three services' own metrics: doors and queues, counting and checkpoints, streams and corrections."""

from __future__ import annotations

from deploy.render.dashboards.frame import Line, Panel, Placed
from deploy.render.dashboards.panels import Ask, lines
from deploy.render.dashboards.promql import select, summed_rate, whole, whole_rate

_HEIGHT = 8
_SOURCE = '=~"$source"'


def ingest() -> list[Line]:
    """What comes in over HTTP, and how fast it is answered."""
    return _in_threes(
        lines(
            "Answers by status",
            "Deliveries answered a second, all doors together.",
            "cps",
            [Ask(summed_rate("deskpulse_ingest_requests_total", "answer", source=_SOURCE), "{{answer}}")],
        ),
        lines(
            "Time to answer",
            "From request to answer, after Kafka has acknowledged: half and 99 % of the deliveries were faster.",
            "s",
            [Ask(_quantile(0.5), "median"), Ask(_quantile(0.99), "99 %")],
            dashed=("99 %",),
        ),
        lines(
            "Waits for Kafka",
            "Bytes taken and not acknowledged yet, by door; a queue that grows means that Kafka is slow or away.",
            "bytes",
            [Ask(f"max by (instance) ({select('deskpulse_ingest_unacknowledged_bytes')})", "{{instance}}")],
        ),
        lines(
            "Deliveries by outcome, each door's own count",
            "Deliveries a second as the doors count them; `unknown` names no source.",
            "cps",
            [Ask(summed_rate("deskpulse_ingest_deliveries_total", "outcome"), "{{outcome}}")],
        ),
        lines(
            "Events accepted, ignored, repeated",
            "Events a second that Kafka has acknowledged, messages a second that say nothing to a "
            "KPI, and deliveries a second that were taken before.",
            "cps",
            [
                Ask(summed_rate("deskpulse_events_accepted_total", source=_SOURCE), "accepted"),
                Ask(summed_rate("deskpulse_events_ignored_total", source=_SOURCE), "ignored"),
                Ask(summed_rate("deskpulse_ingest_repeated_total", source=_SOURCE), "repeated"),
            ],
        ),
        lines(
            "Ignored by name, fields left out",
            "Messages a second that say nothing to a KPI, by the provider's name for them; and unknown "
            "fields a second that were left out of events.",
            "cps",
            [
                Ask(
                    f"topk(8, {summed_rate('deskpulse_messages_ignored_total', 'source', 'name', source=_SOURCE)})", "{{source}} · {{name}}"
                ),
                Ask(summed_rate("deskpulse_fields_stripped_total", source=_SOURCE), "fields left out"),
            ],
        ),
        lines(
            "Rejected at the doors",
            "Events a second that could not be used and are kept in `rejected`.",
            "cps",
            [Ask(summed_rate("deskpulse_events_rejected_total", "source", "reason", source=_SOURCE), "{{source}} · {{reason}}")],
        ),
        lines(
            "Memory of ingest",
            "Resident memory of each ingest process.",
            "bytes",
            [Ask(select("process_resident_memory_bytes"), "{{instance}}")],
        ),
        lines(
            "Processor time of ingest",
            "Share of one core that each ingest process takes.",
            "percentunit",
            [Ask(f"sum by (instance) (rate({select('process_cpu_seconds_total')}[$__rate_interval]))", "{{instance}}")],
        ),
    )


def aggregator() -> list[Line]:
    """What the shards count, and how far they are with keeping it."""
    age = select("deskpulse_aggregator_checkpoint_age_seconds")
    return _in_threes(
        lines(
            "Events and facts counted",
            "Events taken by entity shards and facts taken by ledger shards, a second.",
            "cps",
            [
                Ask(summed_rate("deskpulse_aggregator_events_total"), "events"),
                Ask(summed_rate("deskpulse_aggregator_facts_total"), "facts"),
            ],
        ),
        lines(
            "Age of changes without a checkpoint",
            "How long a shard's changes have waited for a checkpoint; 60 s call for a new start.",
            "s",
            [Ask(f"max by (shard) ({age})", "{{shard}}")],
        ),
        lines(
            "Checkpoints",
            "Checkpoints written a second, by worker.",
            "cps",
            [Ask(summed_rate("deskpulse_aggregator_checkpoints_total", "instance"), "{{instance}}")],
        ),
        lines(
            "Time of a round of checkpoints",
            "How long the newest round of checkpoints took, by worker.",
            "s",
            [Ask(f"max by (instance) ({select('deskpulse_aggregator_checkpoint_seconds')})", "{{instance}}")],
        ),
        lines(
            "What became of events",
            "Events and contributions a second by what became of them: repeated, out of order, taken back.",
            "cps",
            [Ask(summed_rate("deskpulse_aggregator_outcomes_total", "outcome"), "{{outcome}}")],
        ),
        lines(
            "Rejected by the aggregator",
            "Events a second that are kept in `rejected`, by reason.",
            "cps",
            [Ask(summed_rate("deskpulse_aggregator_rejected_total", "reason"), "{{reason}}")],
        ),
        lines(
            "Held in memory",
            "Tickets, calls and the like that shards hold, and ledgers of customers.",
            "locale",
            [
                Ask(f"sum({select('deskpulse_aggregator_entities')})", "entities"),
                Ask(f"sum({select('deskpulse_aggregator_ledgers')})", "ledgers"),
            ],
            decimals=0,
        ),
        lines(
            "Progress of the shards",
            "Offsets a second that each shard gets on; a flat line beside moving ones is a shard that is stuck.",
            "cps",
            [Ask(f"clamp_min(max by (shard) (deriv({select('deskpulse_aggregator_offset')}[$__rate_interval])), 0)", "{{shard}}")],
        ),
        lines(
            "Late events",
            "Events a second older than an hour on arrival; they count in the figures, not in the other counters.",
            "cps",
            [Ask(whole_rate("deskpulse_events_late_total"))],
        ),
    )


def api() -> list[Line]:
    """What the board has taken in, who listens, and what was put right afterwards."""
    return _in_threes(
        lines("Changes of the board", "Changes applied to the board a second.", "cps", [Ask(whole_rate("deskpulse_board_changes_total"))]),
        lines(
            "Open streams",
            "Walls and other listeners of the stream of figures, by replica.",
            "none",
            [Ask(f"max by (instance) ({select('deskpulse_stream_clients')})", "{{instance}}")],
            decimals=0,
        ),
        lines(
            "Waits to be counted",
            "How far the board is behind what was accepted; from 10 s on /readyz says so.",
            "s",
            [Ask(whole("deskpulse_ingest_lag_seconds"))],
        ),
        lines(
            "Behind the clock",
            "How far the watermark, up to which events are expected to be in, is behind now.",
            "s",
            [Ask(f"clamp_min(time() - {whole('deskpulse_watermark_timestamp_seconds')}, 0)")],
        ),
        lines(
            "Newest event by source",
            "How long ago the newest event of each source happened.",
            "s",
            [Ask(f"clamp_min(time() - {whole('deskpulse_last_event_timestamp_seconds', 'source', source=_SOURCE)}, 0)", "{{source}}")],
        ),
        lines(
            "Corrections",
            "Changes a second by events of hours that the watermark had passed, and those of days that were final.",
            "cps",
            [
                Ask(whole_rate("deskpulse_corrections_total"), "behind the watermark"),
                Ask(whole_rate("deskpulse_corrections_of_final_total"), "of final days"),
            ],
        ),
        lines("Events counted", "Events a second that the figures include, each once.", "cps", [Ask(whole_rate("deskpulse_events_total"))]),
        lines(
            "Progress by shard",
            "Offsets a second that the board includes of each shard.",
            "cps",
            [Ask(f"clamp_min(max by (shard) (deriv({select('deskpulse_shard_offset')}[$__rate_interval])), 0)", "{{shard}}")],
        ),
        lines(
            "Parts left out",
            "Parts that a family lacks to stay bounded; 0 unless a label has very many values.",
            "none",
            [Ask(f"sum(max by (family) ({select('deskpulse_series_suppressed')})) or 0 * {whole('deskpulse_ingest_lag_seconds')}")],
            decimals=0,
        ),
    )


def _quantile(q: float) -> str:
    return f"histogram_quantile({q}, {summed_rate('deskpulse_ingest_seconds_bucket', 'le')})"


def _in_threes(*panels: Panel) -> list[Line]:
    placed = [Placed(8, panel) for panel in panels]
    return [Line(_HEIGHT, placed[i : i + 3]) for i in range(0, len(placed), 3)]
