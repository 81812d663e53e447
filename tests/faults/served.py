"""What the API serves against a plain computation over the same events: everything, or for a short run the totals alone."""

from __future__ import annotations

import asyncio
import time

import httpx
import msgspec

from cli.addresses import urls_of
from cli.auditing.comparison import differences, questions
from cli.demo_proof import Proof, ReaderAt, prove
from schemas.canonical import millis_from
from schemas.figures import Figure
from services.settings import Settings

_DEADLINE_SECONDS = 20.0


async def served(settings: Settings, reader_at: ReaderAt, *, totals_only: bool) -> Proof:
    """The comparison; a board may need a moment until it has read the last differences."""
    url, pairs = urls_of(settings)["api"], settings.dimensions.pairs
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while True:
        if totals_only:
            proof = await asyncio.to_thread(_totals, url, reader_at)
        else:
            proof = await asyncio.to_thread(prove, url, (), reader_at, pairs, lambda done: None)
        if not proof.differences or time.monotonic() > deadline:
            return proof
        await asyncio.sleep(0.5)


def _totals(url: str, reader_at: ReaderAt) -> Proof:
    with httpx.Client(base_url=url, timeout=60) as client:
        listed = client.get("/v1/kpis").raise_for_status().json()
        question = next(questions(listed["kpis"] if isinstance(listed, dict) else listed, ()))
        answer = client.get("/v1/figures", params=question.parameters()).raise_for_status().json()["figures"]
    figures = msgspec.convert(answer, list[Figure])
    computed = reader_at(millis_from(figures[0].as_of)).read(question.query())
    return Proof(0, len(figures), figures, differences(figures, computed))
