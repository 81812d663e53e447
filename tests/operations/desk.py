"""The helpdesk that posts, and the figures as its people see them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpx

from cli.addresses import urls_of
from cli.batches import batches, signing_key
from cli.sending import Sender
from services.settings import Settings

DEADLINE_SECONDS = 60.0


class Desk:
    """One source and one reader."""

    def __init__(self, settings: Settings, source: str, secret: str, token: str) -> None:
        urls = urls_of(settings)
        self._door = f"{urls['ingest']}/webhooks/{source}"
        self._key = signing_key(secret)
        self._api = urls["api"]
        self._headers = {"authorization": f"Bearer {token}"}

    def send(self, lines: Iterable[bytes]) -> None:
        """Post events, as fast as they are taken."""
        tally = asyncio.run(Sender(self._door, self._key, connections=4).send(batches(lines, 500, 500_000)))
        assert tally.refused == 0
        assert tally.accepted == tally.sent > 0

    def spikes(self) -> dict[str, str]:
        """The state of each open incident by its KPI."""
        return {one["kpi"]: one["state"] for one in self._get("/v1/spikes").get("spikes", [])}

    def is_judged(self, kpi: str) -> bool:
        """Whether there is history enough to judge a KPI, and it was judged."""
        told = self._get("/v1/spikes")
        return bool(told.get("ready")) and any(one["kpi"] == kpi and one["surprise"] is not None for one in told["watched"])

    def _get(self, path: str) -> dict[str, Any]:
        answer = httpx.get(self._api + path, headers=self._headers, timeout=20)
        found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        return found


def until(holds: Callable[[], object], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until something holds. Raises TimeoutError with what did not."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(0.1)
