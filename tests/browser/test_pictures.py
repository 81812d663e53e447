"""The board looks as it did when somebody last looked at it: fresh, without data, stale, with an alarm, on a phone."""

from __future__ import annotations

import pytest

from tests.browser.conftest import OpenPage, Server, Serving
from tests.browser.pictures import PICTURES, SCREENS, differing, kept, settled, taken

pytestmark = pytest.mark.browser
STILL = "for (let i = 1; i < 10000; i++) { clearInterval(i); clearTimeout(i); }"
SABOTAGE = {
    "fresh": {
        "a tile is missing": "document.querySelectorAll('.tiles .tile')[4].style.visibility = 'hidden'",
        "the strip is missing": "document.querySelector('.strip').remove()",
    },
    "alarm": {
        "the banner is not red": "document.querySelector('.spike').style.background = getComputedStyle(document.body).backgroundColor",
        "the banner is missing": "document.querySelector('.spike').remove()",
    },
    "stale": {
        "the board is not grey": "document.body.dataset.feed = 'live'",
        "the notice is missing": "document.querySelector('.notice').style.visibility = 'hidden'",
    },
    "no_data": {"a tile is missing": "document.querySelectorAll('.tiles .tile')[3].style.visibility = 'hidden'"},
    "phone": {"the banner is missing": "document.querySelector('.spike').remove()"},
}  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_it_looks_as_it_did_and_every_sabotage_is_seen(server: Server, serving: Serving, open_page: OpenPage, name: str) -> None:
    of = PICTURES[name]
    if of.gone:
        server.start(of.scene, "--frozen")
    address = server.address if of.gone else serving(of.scene, "--frozen")
    lender = open_page(f"{address}/docs")
    page = open_page(f"{address}/?theme=dark", of.width, of.height)
    settled(page, of, server)
    assert differing(lender, of, taken(page), kept(name)) <= of.share
    page.evaluate(STILL)  # nothing repairs what is broken now
    page.evaluate("document.documentElement.style.fontFamily = '\"DejaVu Sans\", sans-serif'")
    assert differing(lender, of, taken(page), kept(name)) <= of.share, "another font"
    page.evaluate("document.documentElement.style.fontFamily = ''")
    for what, act in SABOTAGE[name].items():
        page.evaluate(act)
        assert differing(lender, of, taken(page), kept(name)) > of.share, what


def test_references_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in SCREENS.glob("*.png")}
    assert sorted(sizes) == sorted(f"{name}.png" for name in PICTURES)
    assert {name: size for name, size in sizes.items() if size > 120_000} == {}
