"""Ingest's own metrics, in a registry of their own; every label comes from a closed set."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from schemas.rejections import Reason

UNKNOWN = "unknown"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The counters of one app. `sources` are the configured names; anything else counts as `unknown`."""

    def __init__(self, sources: Iterable[str]) -> None:
        self.registry = CollectorRegistry(auto_describe=True)

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(name, about, labels, registry=self.registry)

        self._requests = counter("deskpulse_ingest_requests_total", "Deliveries by answer.", "source", "answer")
        self._accepted = counter("deskpulse_events_accepted_total", "Events acknowledged by Kafka.", "source")
        self._rejected = counter("deskpulse_events_rejected_total", "Events that could not be used; kept in rejected.", "source", "reason")
        self._ignored = counter("deskpulse_events_ignored_total", "Messages that say nothing to a KPI.", "source")
        self._ignored_by_name = counter("deskpulse_messages_ignored_total", "The same by the provider's name.", "source", "name")
        self._stripped = counter("deskpulse_fields_stripped_total", "Unknown fields left out of events.", "source")
        self.seconds = Histogram("deskpulse_ingest_seconds", "From request to answer.", buckets=_BUCKETS, registry=self.registry)
        self.unacknowledged = Gauge("deskpulse_ingest_unacknowledged_bytes", "Bytes that wait for Kafka.", registry=self.registry)
        ProcessCollector(registry=self.registry)
        self._answers: dict[tuple[str, int], Counter] = {}
        self._accepted_by = {source: self._accepted.labels(source) for source in sources}
        for source in self._accepted_by:  # so that a rate over the first one exists
            self._ignored.labels(source)
            self._stripped.labels(source)

    def answered(self, source: str, status: int, seconds: float) -> None:
        """One delivery was answered."""
        counter = self._answers.get((source, status))
        if counter is None:
            counter = self._answers[source, status] = self._requests.labels(source, str(status))
        counter.inc()
        self.seconds.observe(seconds)

    def accepted(self, source: str, events: int) -> None:
        """Kafka has acknowledged this many events."""
        self._accepted_by[source].inc(events)

    def rejected(self, source: str, reason: Reason) -> None:
        """One event or body is in `rejected`."""
        self._rejected.labels(source, reason.value).inc()

    def ignored(self, source: str, name: str, known: frozenset[str]) -> None:
        """One message said nothing; names that the adapter does not know share the label `other`."""
        self._ignored.labels(source).inc()
        self._ignored_by_name.labels(source, name if name in known else "other").inc()

    def stripped(self, source: str, fields: int) -> None:
        """Unknown fields were left out of an event that was taken."""
        self._stripped.labels(source).inc(fields)
