"""Editing a board in the page: the token, the fields, the keyboard, refusals at their tile, and that every other page follows.

Law: a declaration that goes through the editor and is touched by nobody comes out as it was, to the last member.
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page, expect

from services.api.boards.declarations import Declaration, Strip, TargetOf, Tile, bare
from services.api.boards.shipped import SHIPPED
from tests.browser.conftest import OpenPage, Server, Serving
from tests.services.api.fake_server import ENVIRON

pytestmark = pytest.mark.browser
TOKEN = ENVIRON["EDIT_TOKEN"]
BOARD = "/v1/controls/board/support"
EVERYTHING = Declaration(
    title="  Night  shift ",
    tiles=(
        Tile(
            kpi="first_reply_time",
            windows=("now", "7d", "1h"),
            title=" <i>Chat</i>, billing",
            target=601.5,
            target_of=TargetOf(name="first_reply_time_seconds", part="p50"),
            watch=0.1 + 0.2,
            dims={"team": "billing", "channel": " chat "},
        ),
        Tile(kpi="csat_score", windows=("7d",), target=0.905, target_of=TargetOf(name="csat_score_ratio", part="share")),
        Tile(kpi="nps", windows=("28d",), target=-3, watch=-7.25, dims={"survey_type": "nps"}),
    ),
    strip=Strip(
        dimension="priority",
        count=Tile(kpi="issues_created", windows=("24h", "1h"), title="In", target=5, watch=7),
        wait=Tile(kpi="next_reply_time", windows=("1h",), title="Then", target_of=TargetOf(name="first_reply_time_seconds", part="within")),
    ),
    sources=True,
)
"""Every member that a declaration has, with values that are easily lost: spaces, an order, a fraction, a target beside another."""
_TEXT = st.text(max_size=20)
_NUMBER = st.none() | st.floats(-1e6, 1e6, allow_nan=False)
_TILE = st.builds(
    Tile,
    kpi=st.sampled_from(("first_reply_time", "csat_score", "nps", "active_issues", "is_no_more", "time_to_booking")),
    windows=st.lists(st.sampled_from(("now", "1h", "24h", "7d", "28d", "29d")), min_size=1, max_size=4, unique=True).map(tuple),
    title=_TEXT,
    target=_NUMBER,
    target_of=st.none()
    | st.builds(TargetOf, name=st.sampled_from(("csat_score", "a_name")), part=st.sampled_from(("p50", "within", "share"))),
    watch=_NUMBER,
    dims=st.dictionaries(st.sampled_from(("channel", "team", "weather", "agent")), _TEXT, max_size=3),
)
_STRIP = st.builds(Strip, dimension=st.sampled_from(("team", "channel", "weather")), count=_TILE, wait=_TILE)
DECLARATIONS = st.builds(
    Declaration, title=_TEXT, tiles=st.lists(_TILE, max_size=3).map(tuple), strip=st.none() | _STRIP, sources=st.booleans()
)
THROUGH = """
async (declaration) => {
  const { Editor } = await import('/static/editor.js');
  const editor = new Editor(document.createElement('form'), () => {});
  await editor.begin({ id: 'ours', title: 'Ours', revision: 0, tiles: [], strip: null, targets: [], declaration });
  const out = [editor.written(), editor.changed()];
  editor.end();
  return out;
}
"""


def plain(declaration: Declaration) -> dict[str, Any]:
    """A declaration as JSON has it."""
    out: dict[str, Any] = json.loads(json.dumps(bare(declaration)))
    return out


def edit(page: Page) -> None:
    """Begins editing."""
    expect(page.locator(".tiles .value").first).not_to_have_text("…")
    page.locator("#menu-button").click()
    page.get_by_role("button", name="Edit this board").click()
    expect(page.locator("#editor")).to_be_visible()


def kept(address: str, board: str = "support") -> dict[str, Any]:
    """A board as the server has it."""
    with urllib.request.urlopen(f"{address}/v1/boards/{board}") as answer:
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
    cards = page.locator(".cards fieldset")
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
    cards = page.locator(".cards fieldset")
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
    expect(page.locator("#editor-problem")).to_have_text("Nothing is saved yet: Escape once more leaves all the same.")
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


def test_every_declaration_goes_through_the_editor_unchanged(serving: Serving, open_page: OpenPage) -> None:
    page = open_page(f"{serving('still')}/wall/support")
    expect(page.locator(".tiles .value").first).not_to_have_text("…")

    @example(EVERYTHING)
    @given(DECLARATIONS)
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    def law(declaration: Declaration) -> None:
        assert page.evaluate(THROUGH, plain(declaration)) == [plain(declaration), False]

    law()
    for declaration in SHIPPED.values():
        assert page.evaluate(THROUGH, plain(declaration)) == [plain(declaration), False]


def test_a_board_with_everything_is_opened_changed_in_one_place_and_saved(server: Server, open_page: OpenPage) -> None:
    server.start("still")
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    put = urllib.request.Request(f"{server.address}{BOARD}", json.dumps(plain(EVERYTHING)).encode(), headers, method="PUT")
    urllib.request.urlopen(put).close()
    page = open_page(f"{server.address}/wall/support")
    edit(page)
    strip = page.locator(".edit-strip")
    number, beside = strip.locator("fieldset").nth(0), strip.locator("fieldset").nth(1)
    expect(number).to_contain_text("Number of each box: In")
    first = page.locator(".cards fieldset").first
    expect(first.get_by_label("and only").first).to_have_value("channel")
    expect(first.get_by_label("channel", exact=True)).to_have_value(" chat ")
    expect(first.get_by_label("Target of the settings")).to_have_value("first_reply_time_seconds p50")
    expect(first.get_by_label("Else, where it is not kept")).to_have_value("now, 1h")
    beside.get_by_label("Target", exact=True).fill("a while")
    page.get_by_role("button", name="Save").click()
    expect(beside.locator(".problem")).to_have_text("this is not a number with a unit that fits")
    beside.get_by_label("Target", exact=True).fill("45 min")
    page.get_by_label("Row of small figures").select_option("survey_type")
    page.get_by_role("button", name="Save").click()
    show_token(page, TOKEN)
    expect(number.locator(".problem")).to_contain_text("issues_created is not kept by survey_type")
    page.get_by_label("Row of small figures").select_option("channel")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#editor")).to_be_hidden()
    expect(page.locator(".part").first).to_contain_text("then")
    expected = plain(EVERYTHING)
    expected["strip"] |= {"dimension": "channel", "wait": expected["strip"]["wait"] | {"target": 2700.0, "target_of": None}}
    assert kept(server.address)["declaration"] == expected


def test_slices_and_a_strip_are_added_and_taken_away(server: Server, open_page: OpenPage) -> None:
    server.start("still")
    page = open_page(f"{server.address}/wall/calls")
    edit(page)
    first = page.locator(".cards fieldset").first
    first.get_by_label("Only").select_option("team")
    expect(first.get_by_label("team", exact=True)).to_be_focused()
    page.keyboard.type("billing")
    first.get_by_label("and only").select_option("channel")
    page.get_by_role("button", name="Save").click()
    expect(first.locator(".problem")).to_have_text("say which value")
    expect(first.get_by_label("channel", exact=True)).to_be_focused()
    page.keyboard.type("phone")
    first.get_by_label("Else, where it is not kept").fill("24h 15m")
    first.get_by_label("Target of the settings").select_option("")
    first.get_by_label("Amber between target and").fill("")
    page.get_by_label("Row of small figures").select_option("team")
    page.get_by_role("button", name="Save").click()
    show_token(page, TOKEN)
    expect(page.locator(".tiles .window").first).to_have_text("phone · billing · last hour")
    expect(page.locator(".part")).to_have_count(6)
    declared = kept(server.address, "calls")["declaration"]
    assert declared["tiles"][0]["dims"] == {"team": "billing", "channel": "phone"}
    assert declared["tiles"][0]["windows"] == ["1h", "24h", "15m"]
    assert declared["tiles"][0]["target_of"] is None
    assert (declared["strip"]["dimension"], declared["strip"]["count"]["kpi"], declared["strip"]["wait"]["kpi"]) == (
        "team",
        "active_issues",
        "first_reply_time",
    )
    edit(page)
    first.get_by_role("combobox", name="Only", exact=True).select_option("")
    expect(first.get_by_role("combobox", name="Only", exact=True)).to_be_focused()
    page.get_by_label("Row of small figures").select_option("")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".part")).to_have_count(0)
    declared = kept(server.address, "calls")["declaration"]
    assert (declared["tiles"][0]["dims"], declared["strip"]) == ({"channel": "phone"}, None)
