"""Rules of Prometheus and routes of Alertmanager: what is declared, what is written, and what their own tools say of it."""
