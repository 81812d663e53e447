"""What every answer of the door tells a browser, whatever a sender made it say back."""

from __future__ import annotations

import httpx
import pytest

from services.ingest.answers import STRICT
from tests.services.ingest.senders import EVENT, Remembering, app_with, post, post_signed


def assert_strict(answer: httpx.Response) -> None:
    for name, value in STRICT:
        assert answer.headers.get_list(name.decode()) == [value.decode()]


async def test_a_delivery_is_answered_strictly_taken_or_refused() -> None:
    app = app_with(Remembering())
    taken = await post_signed(app, EVENT)
    refused = await post(app, "/webhooks/shop", b"{}", {})
    assert (taken.status_code, refused.status_code) == (202, 401)
    assert_strict(taken)
    assert_strict(refused)


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/openapi.json", 200), ("/x", 404)])
async def test_what_is_beside_the_deliveries_is_answered_strictly(path: str, status: int) -> None:
    transport = httpx.ASGITransport(app=app_with(Remembering()))
    async with httpx.AsyncClient(transport=transport, base_url="http://ingest.test") as client:
        answer = await client.get(path)
    assert answer.status_code == status
    assert_strict(answer)
