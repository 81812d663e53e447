"""No page of any service loads from, or leads to, another origin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.resources import files

import httpx
import pytest

from services.api.app import create_app
from services.settings import Settings
from tests.security.origins import elsewhere
from tests.services.api.calling import calling
from tests.services.api.fake_board import FakeBoard
from tests.services.ingest.senders import Remembering, app_with

HTML, CSS, SCRIPT, SVG = "text/html; charset=utf-8", "text/css", "text/javascript", "image/svg+xml"


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        pytest.param('<script src="https://cdn.test/x.js"></script>', HTML, ["https://cdn.test/x.js"], id="a script"),
        pytest.param('<link rel="stylesheet" href="//cdn.test/x.css">', HTML, ["//cdn.test/x.css"], id="without a scheme"),
        pytest.param('<img srcset="/a.png, http://cdn.test/b.png 2x">', HTML, ["http://cdn.test/b.png"], id="one of several"),
        pytest.param("<script>fetch('https://cdn.test')</script>", HTML, ["https://cdn.test"], id="in a script of the page"),
        pytest.param("<style>@import 'https://cdn.test/x';</style>", HTML, ["https://cdn.test/x"], id="in a style of the page"),
        pytest.param('<b style="background: url(//cdn.test/x)">', HTML, ["//cdn.test/x"], id="in a style of an element"),
        pytest.param("b { background: url('https://cdn.test/x.png') }", CSS, ["https://cdn.test/x.png"], id="in a style"),
        pytest.param('import x from "https://cdn.test/x.js";', SCRIPT, ["https://cdn.test/x.js"], id="in a script"),
        pytest.param('<image href="https://cdn.test/x"/>', SVG, ["https://cdn.test/x"], id="in a picture"),
        pytest.param('<a href="/docs">https://said.test</a><link href="data:,">', HTML, [], id="our own, and what is only said"),
        pytest.param('// https://said.test\nfetch("/v1/kpis")', SCRIPT, [], id="our own, and a comment"),
    ],
)
def test_an_address_elsewhere_is_found(text: str, kind: str, found: list[str]) -> None:
    assert elsewhere(text, kind) == found


@pytest.fixture
async def api() -> AsyncIterator[httpx.AsyncClient]:
    """Calls the API."""
    async with calling(create_app(Settings(), FakeBoard(), environ={})) as client:
        yield client


def _static() -> list[str]:
    folder = files("services.api") / "static"
    vendor = [f"vendor/{one.name}" for one in (folder / "vendor").iterdir()]
    names = [one.name for one in folder.iterdir() if one.is_file()] + vendor
    return [f"/static/{name}" for name in sorted(names) if name.endswith((".css", ".js", ".svg"))]


@pytest.mark.parametrize("path", ["/", "/wall", "/wall/operations", "/docs", "/favicon.ico", *_static()])
async def test_no_page_of_the_api_names_another_origin(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.get(path)
    assert answer.status_code == 200
    assert elsewhere(answer.text, answer.headers["content-type"]) == []


async def test_the_page_of_ingest_names_no_other_origin_and_loads_nothing() -> None:
    transport = httpx.ASGITransport(app=app_with(Remembering()))
    async with httpx.AsyncClient(transport=transport, base_url="http://ingest.test") as client:
        answer = await client.get("/docs")
    assert (answer.status_code, answer.headers["content-type"]) == (200, HTML)
    assert elsewhere(answer.text, HTML) == []
    assert "<script" not in answer.text
