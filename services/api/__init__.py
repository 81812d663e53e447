"""The figures for people and machines: JSON, a stream, Prometheus and the wall board, all read from one board in memory."""
