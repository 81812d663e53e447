"""Changing boards: by the menu, by keys, by address; and what happens when the server is not there."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from services.api.boards.shipped import SHIPPED
from tests.browser.conftest import OpenPage, Server, Serving, tile

pytestmark = pytest.mark.browser


def live_on(page: Page, title: str) -> None:
    """Waits until a board stands there with live figures."""
    expect(page.locator("#title")).to_have_text(title)
    expect(page.locator("body")).to_have_attribute("data-feed", "live")
    expect(page.locator(".tiles .value").first).not_to_have_text("…")


def test_all_six_by_menu_by_key_and_back(serving: Serving, open_page: OpenPage) -> None:
    address = serving("still")
    page = open_page(f"{address}/?theme=light")
    live_on(page, "Operations")
    expect(page.locator("#menu")).to_be_hidden()
    page.get_by_role("button", name="Boards and settings").click()
    links = page.get_by_role("navigation", name="Boards").get_by_role("link")
    expect(links).to_have_count(len(SHIPPED))
    assert [text.rstrip("123456") for text in links.all_text_contents()] == [one.title for one in SHIPPED.values()]
    expect(links.first).to_have_attribute("aria-current", "page")
    links.filter(has_text="Support").click()
    live_on(page, "Support")
    assert page.url.endswith("/wall/support?theme=light")
    expect(page.locator("#menu")).to_be_hidden()
    expect(page.locator(".part").first).to_contain_text("Email")
    page.keyboard.press("6")
    live_on(page, "Sources")
    expect(page.locator("#stands tr")).to_have_count(4)
    page.go_back()
    live_on(page, "Support")
    expect(page.locator("#stands")).to_be_hidden()
    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Boards and settings")).to_be_focused()
    page.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    expect(page.locator("#menu")).to_be_hidden()
    page.keyboard.press("1")
    page.reload()
    live_on(page, "Support")
    page.keyboard.press("1")
    live_on(page, "Support")


def test_a_server_that_is_gone_keeps_the_board_that_is_shown(server: Server, open_page: OpenPage) -> None:
    server.start("still")
    page = open_page(f"{server.address}/wall/calls")
    live_on(page, "Calls")
    page.keyboard.press("m")
    expect(page.locator("#menu a")).to_have_count(len(SHIPPED))
    server.stop()
    page.locator("#menu a").first.click()
    expect(page.locator("#said")).to_contain_text("The server cannot be reached")
    expect(page.locator("#title")).to_have_text("Calls")
    expect(tile(page, "service_level").locator(".value")).to_have_text("83 %")
    assert page.url.endswith("/wall/calls")


def test_a_page_that_is_opened_before_its_server_waits_for_it(serving: Serving, open_page: OpenPage) -> None:
    address = serving("still")
    page = open_page(f"{address}/docs")
    page.route("**/v1/boards/**", lambda route: route.abort())
    page.goto(f"{address}/wall/sales")
    expect(page.locator("#live")).to_have_text("The server cannot be reached.")
    page.unroute("**/v1/boards/**")
    live_on(page, "Sales")


def test_light_and_dark_and_small_are_kept_in_the_address(serving: Serving, open_page: OpenPage) -> None:
    address = serving("still")
    page = open_page(f"{address}/?theme=dark")
    live_on(page, "Operations")
    page.locator("#menu-button").click()
    page.get_by_role("button", name="Light", exact=True).click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="All figures, small").click()
    expect(page.locator(".tiles")).to_be_hidden()
    assert re.search(r"\?theme=light&view=all$", page.url)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    expect(page.locator("#rest .tile").first).to_be_visible()
