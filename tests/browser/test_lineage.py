"""Where a number comes from: the last tab behind a tile, by mouse and by keyboard, with nothing of a sender's words taken for markup."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage, Server, Serving, opener, tile

pytestmark = pytest.mark.browser


def source(page: Page, kpi: str) -> Locator:
    """Opens the source of a tile's figure."""
    tile(page, kpi).click()
    panel = page.get_by_role("dialog")
    panel.get_by_role("tab", name="Source").click()
    return panel


def test_it_tells_where_the_number_comes_from(server: Server, open_page: OpenPage) -> None:
    server.start("still")
    page = open_page(f"{server.address}/")
    panel = source(page, "first_reply_time")
    expect(panel).to_contain_text("5 within target / 7 offered = 71.4 %")
    expect(panel.get_by_role("heading", name="First reply, median, last hour")).to_be_visible()
    expect(panel).to_contain_text("3 count")
    expect(panel).to_contain_text("first reply wait 42 min at 2026-11-22 08:15:00")
    expect(panel).to_contain_text("ticket.public_reply 35436-2")
    expect(panel).to_contain_text("Left out: 1 merged")
    expect(panel.locator("tbody tr")).to_have_count(4)
    assert panel.get_by_role("link", name="JSON").get_attribute("href") == "/v1/lineage?kpi=first_reply_time&window=1h&limit=100"
    expect(panel).to_contain_text("<b>35438</b>")
    assert panel.locator("td b").count() == 0
    page.get_by_role("button", name="Close").click()
    expect(panel).to_be_hidden()
    server.stop()
    panel = source(page, "nps")
    expect(panel).to_contain_text("The server cannot be reached")


def test_by_keyboard_and_back(serving: Serving, open_page: OpenPage) -> None:
    address = serving("still")
    page = open_page(f"{address}/")
    expect(tile(page, "nps").locator(".value")).to_have_text("+42")
    opener(page, "nps").focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog")
    expect(panel.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Tab")
    expect(panel.get_by_role("tab", name="Breakdown")).to_be_focused()
    page.keyboard.press("End")
    expect(panel.get_by_role("tab", name="Source")).to_be_focused()
    expect(panel.get_by_role("tab", name="Source")).to_have_attribute("aria-selected", "true")
    expect(panel).to_contain_text("3 count")
    for _ in range(12):  # the focus goes round in the dialog (or to the browser's own bar), never to what lies behind it
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || document.querySelector('dialog[open]').contains(document.activeElement)"
        )
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(opener(page, "nps")).to_be_focused()
