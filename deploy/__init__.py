"""What it takes to run deskpulse: the embedded broker, and the files for containers, Prometheus and Grafana."""
