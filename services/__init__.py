"""The three services; they meet only in Kafka and share only `settings`, `kafka` and `topics`."""
