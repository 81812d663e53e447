"""Apache Kafka without an installation."""
