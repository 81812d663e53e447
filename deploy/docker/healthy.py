"""The image's health check: `python -m deploy.docker.healthy` exits with 0 when every service in this container is ready.

Laws: it asks this container alone and never through a proxy; a port on which nothing listens belongs to a service that runs elsewhere,
but one service at least must answer. It imports nothing of ours: it runs every few seconds.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException

PORTS = {"DESKPULSE_INGEST__PORT": 8080, "DESKPULSE_API__PORT": 8081, "DESKPULSE_AGGREGATOR__PORT": 8082}
"""The variable that moves each service's port, and where it is otherwise."""
TIMEOUT_SECONDS = 4.0


def said(port: int) -> str | None:
    """What the service behind a port says of itself: "" when it is ready, else why not; None when nothing listens."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read(500).decode("utf-8", "replace")
    except ConnectionRefusedError:
        return None
    except (OSError, HTTPException) as error:
        return f"port {port}: {type(error).__name__}"
    finally:
        connection.close()
    return "" if answer.status == 200 else f"port {port} answers {answer.status}: {body}"


def wrong(environ: Mapping[str, str]) -> list[str]:
    """What keeps this container from being healthy, each in words; empty when it is."""
    answers = [said(int(environ.get(name, port))) for name, port in PORTS.items()]
    listening = [answer for answer in answers if answer is not None]
    return [answer for answer in listening if answer] if listening else ["nothing listens"]


def main() -> None:
    """Say what is wrong, for `docker inspect`, and exit with 1; else with 0."""
    if found := wrong(os.environ):
        print("; ".join(found))
        sys.exit(1)


if __name__ == "__main__":
    main()
