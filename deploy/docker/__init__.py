"""The image of the services: its Dockerfile, its health check, and what runs its steps where there is no Docker engine."""
