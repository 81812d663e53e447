"""Where the services answer, as seen from this machine."""

from __future__ import annotations

from services.settings import Settings


def urls_of(settings: Settings) -> dict[str, str]:
    """The base address of each service by its name."""
    listening = {
        "ingest": (settings.ingest.host, settings.ingest.port),
        "aggregator": (settings.aggregator.host, settings.aggregator.port),
        "api": (settings.api.host, settings.api.port),
    }
    return {name: f"http://{reachable(host)}:{port}" for name, (host, port) in listening.items()}


def reachable(host: str) -> str:
    """An address to connect to for an address to listen on."""
    if host in ("", "0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
