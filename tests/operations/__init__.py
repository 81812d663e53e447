"""The operations room as a whole: running services, a real Prometheus and Alertmanager, and who is told what."""
