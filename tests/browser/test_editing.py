"""Editing a board in the page: the token, the fields, the keyboard, refusals at their tile, and that every other page follows."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, Server, Serving
from tests.services.api.fake_server import ENVIRON

pytestmark = pytest.mark.browser
TOKEN = ENVIRON["EDIT_TOKEN"]
BOARD = "/v1/controls/board/support"


def edit(page: Page) -> None:
    """Begins editing."""
    expect(page.locator(".tiles .value").first).not_to_have_text("…")
    page.locator("#menu-button").click()
    page.get_by_role("button", name="Edit this board").click()
    expect(page.locator("#editor")).to_be_visible()


def kept(address: str) -> dict[str, Any]:
    """The board as the server has it."""
    with urllib.request.urlopen(f"{address}/v1/boards/support") as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def show_token(page: Page, token: str) -> None:
    """Answers the question for the token."""
    page.get_by_label("Token that may edit").fill(token)
    page.keyboard.press("Enter")


def test_a_board_is_changed_and_every_page_follows(server: Server, open_page: OpenPage) -> None:
    server.start("still")
    other = open_page(f"{server.address}/wall/support")
    page = open_page(f"{server.address}/wall/support")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    asked: list[tuple[str, str, str]] = []
    page.on("request", lambda request: asked.append((request.method, request.url, request.headers.get("authorization", ""))))
    edit(page)
    page.get_by_label("Title of the board").fill("Front desk")
    cards = page.locator("fieldset")
    expect(cards).to_have_count(9)
    cards.nth(1).get_by_role("button", name="Take Came in minus solved away").click()
    expect(cards).to_have_count(8)
    expect(page.locator("#said")).to_have_text("Came in minus solved is taken away; 8 tiles are left.")
    cards.nth(0).get_by_label("Title", exact=True).focus()
    page.keyboard.press("Alt+ArrowRight")
    expect(cards.nth(1)).to_contain_text("Tile 2: Active issues")
    expect(cards.nth(1).get_by_label("Title", exact=True)).to_be_focused()
    page.get_by_role("button", name="Add a tile").click()
    expect(cards.nth(8).get_by_label("Figure")).to_be_focused()
    cards.nth(8).get_by_label("Figure").select_option("first_reply_time")
    cards.nth(8).get_by_label("Window").select_option("1h")
    cards.nth(8).get_by_label("Title", exact=True).fill("<i>Chat</i>")
    cards.nth(8).get_by_label("Target", exact=True).fill("10 min")
    cards.nth(8).get_by_label("Amber between target and").fill("15 min")
    cards.nth(8).get_by_label("Only").select_option("channel")
    cards.nth(8).get_by_label("channel", exact=True).fill("chat")
    page.get_by_role("button", name="Save").click()
    show_token(page, TOKEN)
    for one in (page, other):
        expect(one.locator("#title")).to_have_text("Front desk")
        expect(one.locator(".tiles .tile")).to_have_count(9)
        last = one.locator(".tiles .tile").nth(8)
        expect(last.locator("h2 bdi")).to_have_text("<i>Chat</i>")
        expect(last.locator(".window")).to_have_text("chat · last hour")
        expect(last.locator(".foot")).to_contain_text("▲ over target · target ≤ 10 min")
    declared = kept(server.address)["declaration"]
    assert declared["tiles"][1]["kpi"] == "active_issues"
    assert declared["tiles"][8] == {
        "kpi": "first_reply_time", "windows": ["1h", "24h", "15m", "7d"], "title": "<i>Chat</i>", "target": 600.0, "target_of": None,
        "watch": 900.0, "dims": {"channel": "chat"},
    }  # fmt: skip
    puts = [one for one in asked if one[0] == "PUT"]
    assert puts == [("PUT", f"{server.address}{BOARD}", f"Bearer {TOKEN}")]
    assert not [one for one in asked if TOKEN in one[1] or (one[0] != "PUT" and one[2])]
    assert TOKEN not in page.content()
    assert not [text for text in said if TOKEN in text]
    assert page.evaluate("[JSON.stringify(localStorage), document.cookie].join().includes('may-edit')") is False
    edit(page)  # the token is known for this tab now
    page.get_by_role("button", name="Back to the shipped board").click()
    page.get_by_role("button", name="Really?").click()
    for one in (page, other):
        expect(one.locator("#title")).to_have_text("Support")
    assert kept(server.address)["revision"] == 0


def test_refusals_stand_at_their_tile_and_nothing_is_lost(serving: Serving, open_page: OpenPage) -> None:
    address = serving("still")
    page = open_page(f"{address}/wall/support")
    edit(page)
    cards = page.locator("fieldset")
    cards.nth(4).get_by_label("Target", exact=True).fill("soon")
    page.get_by_role("button", name="Save").click()
    expect(cards.nth(4).locator(".problem")).to_have_text("this is not a number with a unit that fits")
    expect(cards.nth(4).get_by_label("Target", exact=True)).to_be_focused()
    cards.nth(4).get_by_label("Target", exact=True).fill("20 min")
    cards.nth(6).get_by_label("Target", exact=True).fill("150 %")
    cards.nth(6).get_by_label("Amber between target and").fill("140 %")
    page.get_by_role("button", name="Save").click()
    show_token(page, "wrong")
    expect(page.locator("#token .problem")).to_contain_text("show the token that may write")
    show_token(page, TOKEN)
    expect(cards.nth(6).locator(".problem")).to_contain_text("1.5 is never reached")
    expect(cards.nth(6).get_by_label("Target", exact=True)).to_be_focused()
    expect(cards.nth(6).get_by_label("Amber between target and")).to_have_attribute("aria-invalid", "true")
    expect(cards.nth(4).locator(".problem")).to_be_hidden()
    expect(cards.nth(4).get_by_label("Target", exact=True)).to_have_value("20 min")
    expect(page.locator("#editor-problem")).to_contain_text("2 things are wrong")
    assert kept(address)["revision"] == 0
    page.keyboard.press("Escape")
    expect(page.locator("#editor")).to_be_hidden()
    expect(page.locator(".tiles .tile")).to_have_count(9)
    expect(page.locator("#menu-button")).to_be_focused()


def test_what_another_has_saved_meanwhile_is_not_overwritten(server: Server, open_page: OpenPage) -> None:
    server.start("still")
    page = open_page(f"{server.address}/wall/support")
    edit(page)
    page.get_by_label("Title of the board").fill("Mine")
    theirs = {**kept(server.address)["declaration"], "title": "Theirs"}
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    put = urllib.request.Request(f"{server.address}{BOARD}", json.dumps(theirs).encode(), headers, method="PUT")
    urllib.request.urlopen(put).close()
    expect(page.locator("#editor-problem")).to_contain_text("Somebody else has changed this board")
    page.get_by_role("button", name="Save").click()
    show_token(page, TOKEN)
    expect(page.locator("#editor-problem")).to_contain_text("is at revision")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#title")).to_have_text("Theirs")
