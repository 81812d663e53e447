"""The archive of `events`: Parquet files in a folder or any other place that fsspec reaches, and the way back into Kafka."""
