"""Tests of what keeps others out, and secrets in."""
