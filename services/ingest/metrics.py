"""What ingest counts: how each source stands, told to Prometheus here and to the board through the topic `sources`.

Laws: every delivery has exactly one outcome, so the four of them add up to what was sent; every label comes from a closed set.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.rejections import Reason
from schemas.standing import OUTCOMES, Standing
from services.ingest.rhythms import Rhythms

UNKNOWN = "unknown"
_ANSWERS = ("202", "401", "408", "413", "415", "422", "429", "503")
"""Answers that are counted from 0 on: an increase from nothing to the first burst would not be seen."""
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The counts of one app. `standings` are those of the configured sources; what names no source counts as `unknown`."""

    def __init__(self, standings: Mapping[str, Standing]) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self.standings = {**standings, UNKNOWN: Standing(source=UNKNOWN, kind=UNKNOWN, door="", at_ms=0)}

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(name, about, labels, registry=self.registry)

        self._requests = counter("deskpulse_ingest_requests_total", "Deliveries by answer.", "source", "answer")
        self._ignored_by_name = counter("deskpulse_messages_ignored_total", "The same by the provider's name.", "source", "name")
        self._stripped = counter("deskpulse_fields_stripped_total", "Unknown fields left out of events.", "source")
        self.seconds = Histogram("deskpulse_ingest_seconds", "From request to answer.", buckets=_BUCKETS, registry=self.registry)
        self.unacknowledged = Gauge("deskpulse_ingest_unacknowledged_bytes", "Bytes that wait for Kafka.", registry=self.registry)
        ProcessCollector(registry=self.registry)
        self.registry.register(_Standings(self.standings))
        self._answers: dict[tuple[str, int], Counter] = {}
        self.rhythms: Rhythms | None = None
        for source in standings:  # so that a rate over the first one exists
            self._stripped.labels(source)
            for answer in _ANSWERS:
                self._requests.labels(source, answer)

    def answered(self, source: str, status: int, seconds: float, outcome: str) -> None:
        """One delivery was answered and is accounted for; status 0 stands for a sender who hung up."""
        counter = self._answers.get((source, status))
        if counter is None:
            counter = self._answers[source, status] = self._requests.labels(source, str(status) if status else "hung_up")
        counter.inc()
        self.seconds.observe(seconds)
        standing = self.standings[source]
        standing.deliveries[outcome] = standing.deliveries.get(outcome, 0) + 1
        if outcome == "refused":
            why = str(status) if status else "hung_up"
            standing.refused[why] = standing.refused.get(why, 0) + 1

    def verified(self, source: str, now_ms: int) -> None:
        """A delivery of a verified sender came."""
        self.standings[source].last_delivery_ms = now_ms
        if self.rhythms is not None:
            self.rhythms.delivered(source)

    def repeated(self, source: str) -> None:
        """A delivery came that was taken before."""
        self.standings[source].repeated += 1

    def accepted(self, source: str, events: int) -> None:
        """Kafka has acknowledged this many events."""
        self.standings[source].accepted += events

    def rejected(self, source: str, reason: Reason) -> None:
        """One event or body is in `rejected`."""
        counts = self.standings[source].rejected
        counts[reason.value] = counts.get(reason.value, 0) + 1

    def ignored(self, source: str, name: str, known: Container[str]) -> None:
        """One message said nothing; names that the adapter does not know share the label `other`."""
        self.standings[source].ignored += 1
        self._ignored_by_name.labels(source, name if name in known else "other").inc()

    def stripped(self, source: str, fields: int) -> None:
        """Unknown fields were left out of an event that was taken."""
        self._stripped.labels(source).inc(fields)

    def told(self, now_ms: int) -> list[Standing]:
        """How every configured source stands now, as copies."""
        return [
            msgspec.structs.replace(
                standing,
                at_ms=now_ms,
                deliveries=dict(standing.deliveries),
                rejected=dict(standing.rejected),
                refused=dict(standing.refused),
            )
            for name, standing in self.standings.items()
            if name != UNKNOWN
        ]


class _Standings(Collector):
    """The families that follow from the standings."""

    def __init__(self, standings: Mapping[str, Standing]) -> None:
        self._standings = standings

    def collect(self) -> Iterator[Metric]:
        """The families of now."""
        deliveries = CounterMetricFamily("deskpulse_ingest_deliveries", "Deliveries by what became of them.", labels=("source", "outcome"))
        accepted = CounterMetricFamily("deskpulse_events_accepted", "Events acknowledged by Kafka.", labels=("source",))
        ignored = CounterMetricFamily("deskpulse_events_ignored", "Messages that say nothing to a KPI.", labels=("source",))
        rejected = CounterMetricFamily(
            "deskpulse_events_rejected", "Events that could not be used; kept in rejected.", labels=("source", "reason")
        )
        repeated = CounterMetricFamily("deskpulse_ingest_repeated", "Deliveries that were taken before.", labels=("source",))
        last = GaugeMetricFamily(
            "deskpulse_source_last_delivery_timestamp_seconds", "When a verified sender last delivered.", labels=("source",)
        )
        for source, standing in self._standings.items():
            for outcome in OUTCOMES:
                deliveries.add_metric((source, outcome), standing.deliveries.get(outcome, 0))
            if source == UNKNOWN:
                continue
            accepted.add_metric((source,), standing.accepted)
            ignored.add_metric((source,), standing.ignored)
            repeated.add_metric((source,), standing.repeated)
            for reason, count in standing.rejected.items():
                rejected.add_metric((source, reason), count)
            if standing.last_delivery_ms is not None:
                last.add_metric((source,), standing.last_delivery_ms / 1000)
        yield from (deliveries, accepted, ignored, rejected, repeated, last)
