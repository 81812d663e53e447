"""The panel behind a tile of the wall board: by mouse and by keyboard, with nothing of a sender's words taken for markup."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage, Server

pytestmark = pytest.mark.browser


def tile(page: Page, kpi: str) -> Locator:
    """The tile of a KPI."""
    return page.locator(f'[data-kpi="{kpi}"]')


def test_a_click_tells_where_the_number_comes_from(server: Server, open_page: OpenPage) -> None:
    server.start("still")
    page = open_page(f"{server.address}/")
    tile(page, "first_reply_time").click()
    panel = page.get_by_role("dialog")
    expect(panel).to_contain_text("5 within target / 7 offered = 71.4 %")
    expect(panel.get_by_role("heading", name="First reply, median, last hour")).to_be_visible()
    expect(panel).to_contain_text("3 count")
    expect(panel).to_contain_text("first reply wait 42 min at 2026-11-22 08:15:00")
    expect(panel).to_contain_text("ticket.public_reply 35436-2")
    expect(panel).to_contain_text("Left out: 1 merged")
    expect(panel.locator("tbody tr")).to_have_count(4)
    link = panel.get_by_role("link", name="JSON")
    assert link.get_attribute("href") == "/v1/lineage?kpi=first_reply_time&window=1h&limit=100"
    page.get_by_role("button", name="Close").click()
    expect(panel).to_be_hidden()


def test_what_a_sender_calls_its_ticket_is_text(server: Server, open_page: OpenPage) -> None:
    server.start("still")
    page = open_page(f"{server.address}/")
    tile(page, "first_reply_time").click()
    panel = page.locator("dialog.lineage")
    expect(panel).to_contain_text("<b>35438</b>")
    assert panel.locator("td b").count() == 0


def test_by_keyboard_and_back(server: Server, open_page: OpenPage) -> None:
    server.start("still")
    page = open_page(f"{server.address}/")
    expect(tile(page, "nps").locator(".value")).to_have_text("+42")
    tile(page, "nps").focus()
    page.keyboard.press("Enter")
    expect(page.locator("dialog.lineage")).to_contain_text("3 count")
    assert page.evaluate("document.activeElement.textContent") == "Close"
    page.keyboard.press("Escape")
    expect(page.locator("dialog.lineage")).to_be_hidden()
    assert page.evaluate("document.activeElement.dataset.kpi") == "nps"


def test_a_server_that_is_gone_is_said_in_the_panel(server: Server, open_page: OpenPage) -> None:
    server.start("still")
    page = open_page(f"{server.address}/")
    expect(tile(page, "nps").locator(".value")).to_have_text("+42")
    server.stop()
    tile(page, "nps").click()
    expect(page.locator("dialog.lineage")).to_contain_text("The server cannot be reached")
