"""What every answer of the door tells a browser, whatever a sender made it say back."""

from __future__ import annotations

import base64
import hashlib
import re

import httpx
import pytest

from services.ingest.answers import STRICT
from services.ingest.documentation import page
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


async def test_the_page_of_the_documentation_may_have_its_own_style_and_nothing_else() -> None:
    transport = httpx.ASGITransport(app=app_with(Remembering()))
    async with httpx.AsyncClient(transport=transport, base_url="http://ingest.test") as client:
        answer = await client.get("/docs")
        described = (await client.get("/openapi.json")).json()["paths"]
    [policy] = answer.headers.get_list("content-security-policy")
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert (allowed["default-src"], allowed["frame-ancestors"]) == ("'none'", "'none'")
    assert "script-src" not in allowed
    [style] = re.findall("<style>(.*?)</style>", answer.text, re.DOTALL)
    assert allowed["style-src"] == f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
    assert [path for path in described if path not in answer.text] == []


def test_texts_of_the_document_stand_in_the_page_as_text() -> None:
    hostile = "<script>x</script> `</code><b>`"
    operation = {"summary": hostile, "description": f"{hostile}\n\n* {hostile}", "responses": {"200": {"description": hostile}}}
    made = page({"info": {"title": hostile}, "paths": {f"/{hostile}": {"get": operation}}})
    assert "<script" not in made
    assert "<b>" not in made
    assert made.count("&lt;script&gt;x&lt;/script&gt; <code>&lt;/code&gt;&lt;b&gt;</code>") == 3
