"""A ticket far too large: the events of an integration gone wrong, whose state would not fit into a record of any broker."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from random import Random
from typing import Any

import aiohttp
import orjson

from cli.addresses import urls_of
from cli.company.generic import rfc3339
from tests.faults.load import NOW_MS, post
from tests.faults.world import World

_TAGS, _TAG_CHARS = 100, 200
"""As many and as long as an event may have: 20 kB that cannot be compressed."""
_EVENTS, _TOGETHER = 60, 20
TOO_LARGE_AT_LEAST = 25
"""So many of them, at least, must be refused: an entity keeps 600 kB."""


def whale(rng: Random) -> Iterator[list[dict[str, Any]]]:
    """Arrays of canonical events of one ticket, each below what ingest takes at once."""
    ticket = f"whale-{rng.randrange(10**9)}"

    def event(number: int) -> dict[str, Any]:
        tags = [base64.b64encode(rng.randbytes(_TAG_CHARS * 3 // 4)).decode() for _ in range(_TAGS)]
        common = {"id": f"{ticket}-{number}", "occurred_at": rfc3339(NOW_MS + number), "ticket_id": ticket, "channel": "email"}
        return {"type": "ticket.tagged", "added": tags, **common} if number else {"type": "ticket.created", **common}

    for start in range(0, _EVENTS, _TOGETHER):
        yield [event(number) for number in range(start, start + _TOGETHER)]


async def post_events(world: World, arrays: Iterator[list[dict[str, Any]]]) -> None:
    """Post canonical events as the company's desk, until each array is taken."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        for array in arrays:
            url = f"{urls_of(world.settings)['ingest']}/webhooks/desk"
            await post(session, url, "standardwebhooks", world.secrets["desk"], array[0]["id"], orjson.dumps(array), many=True)
