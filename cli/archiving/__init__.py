"""The archive of `events` and `controls`: files in a folder or any other place that fsspec reaches, and the way back into Kafka."""
