"""Tests of the aggregator: shards alone, Faust's contract, and workers on a real broker."""
