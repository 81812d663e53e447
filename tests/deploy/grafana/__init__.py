"""Tests of the Grafana dashboards: their form, the linter's rules, and every expression against a real Prometheus."""
