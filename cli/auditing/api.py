"""What the audit asks the API: the catalogue, and figures with the progress of exactly the board that they were read from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import httpx
import msgspec

from cli.auditing.comparison import Question
from schemas.canonical import millis_from
from schemas.figures import Figure

PATIENCE_SECONDS = 60.0
"""How long the API may be away, not ready, or behind what it said before (it was started again) until the audit gives up."""
_PAUSE_SECONDS = 0.25


class Unreachable(RuntimeError):
    """What the audit needs does not answer, or stands still; the message says what to do."""


class Refused(Exception):
    """The API says that this question has no answer; the message is its own."""


class Answer(NamedTuple):
    """Figures, the newest offset of each input that they include (`events-3`), and the instant they are of."""

    figures: list[Figure]
    progress: Mapping[str, int]
    as_of_ms: int


class Api(Protocol):
    """Where served figures come from."""

    async def catalogue(self) -> list[dict[str, Any]]:
        """What is declared of every KPI. Raises Unreachable."""

    async def figures(self, question: Question, at_least: Mapping[str, int]) -> Answer:
        """The figures, of a board that includes at least these offsets. Raises Refused, Unreachable."""


class HttpApi:
    """The API over HTTP. One that never answered is told at once, one that did is waited for."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._answered = False

    async def catalogue(self) -> list[dict[str, Any]]:
        """See Api."""
        found: list[dict[str, Any]] = (await self._get("/v1/kpis", {}))["kpis"]
        return found

    async def figures(self, question: Question, at_least: Mapping[str, int]) -> Answer:
        """See Api."""
        began = time.monotonic()
        while True:
            body = await self._get("/v1/figures", {**question.parameters(), "progress": ["true"]})
            progress = body.get("progress")
            if progress is None:
                raise Unreachable(f"the API at {self._client.base_url} does not tell its progress: it is of an older version")
            behind = [name for name, offset in at_least.items() if progress.get(name, -1) < offset]
            if body["ready"] and not behind:
                figures = msgspec.convert(body["figures"], list[Figure])
                return Answer(figures, progress, millis_from(figures[0].as_of if figures else body["as_of"]))
            if time.monotonic() - began > PATIENCE_SECONDS:
                why = f"behind what it served before ({behind[0]})" if behind else "not ready: see its /readyz"
                raise Unreachable(f"the API at {self._client.base_url} is {why}")
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _get(self, path: str, parameters: Mapping[str, list[str]]) -> Any:
        began = time.monotonic()
        while True:
            try:
                answer = await self._client.get(path, params=parameters)
            except httpx.HTTPError as error:
                why = f"no API answers at {self._client.base_url} ({type(error).__name__}): start it with `deskpulse up`"
            else:
                if answer.status_code == 200:
                    self._answered = True
                    return answer.json()
                why = f"the API at {self._client.base_url} answers {answer.status_code}: {_detail(answer)}"
                if answer.status_code == 422:
                    raise Refused(why)
                if answer.status_code < 500:
                    raise Unreachable(why)
            if not self._answered or time.monotonic() - began > PATIENCE_SECONDS:
                raise Unreachable(why)
            await asyncio.sleep(_PAUSE_SECONDS)


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("detail", ""))
    except (ValueError, AttributeError):
        return answer.text[:200]
