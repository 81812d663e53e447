"""axe-core finds nothing to say, by any of its rules, in the dark and in the light.

On every board, in the dialogs, while editing, with a spike, stale, empty, hostile, on wall and phone.
"""

from __future__ import annotations

import itertools
from importlib.resources import files

import pytest
from playwright.sync_api import Page, expect

from services.api.boards.shipped import SHIPPED
from tests.browser.conftest import OpenPage, Serving, opener

pytestmark = pytest.mark.browser
pytest.importorskip("axe_playwright_python", reason="axe-core comes with axe-playwright-python")
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RUN = """
async () => (await axe.run(document, { resultTypes: ['violations'] })).violations.map((one) =>
  `${one.id}: ${one.nodes.slice(0, 3).map((node) =>
    `${node.target.join(' ')} (${node.failureSummary.split('\\n')[1] || ''})`).join(' | ')}`)
"""
THEMES = {"dark": "light", "light": "dark"}
SHOWN = "(theme) => { const html = document.documentElement, before = html.dataset.theme; html.dataset.theme = theme; return before; }"
UNCOVERED = """
() => document.querySelectorAll('link[rel=stylesheet]').forEach(({ sheet, href }) =>
  href.endsWith('/wall.css') && sheet.insertRule('.open::after, .tile::before { content: none !important }', sheet.cssRules.length))
"""
"""What makes the whole tile a button lies over its words, and axe-core judges no colours below anything."""
SIZES = ((1920, 1080), (390, 844))


def check(page: Page, where: str) -> None:
    """Fails with what axe-core finds, in the theme that is shown and in the other."""
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(UNCOVERED)
        page.evaluate(AXE)  # evaluated, not inserted: the page's policy allows no script of anybody else's
    found = page.evaluate(RUN)
    assert found == [], f"{where}: {found}"
    theme = page.locator("html").get_attribute("data-theme") or ""
    page.evaluate(SHOWN, THEMES[theme])
    found = page.evaluate(RUN)
    page.evaluate(SHOWN, theme)
    assert found == [], f"{where}, {THEMES[theme]}: {found}"


def ready(page: Page) -> None:
    expect(page.locator("body")).to_have_attribute("data-feed", "live")
    expect(page.locator(".tiles .value").first).not_to_have_text("…")


def test_every_board_and_what_opens_from_it(serving: Serving, open_page: OpenPage) -> None:
    address = serving("spikes")
    for width, height in reversed(SIZES):
        page = open_page(f"{address}/?theme=dark", width, height)
        page.emulate_media(reduced_motion="reduce")  # no colour is measured half way
        ready(page)
        page.locator("#menu-button").click()
        expect(page.locator("#menu a")).to_have_count(len(SHIPPED))
        check(page, f"menu {width}")
        page.keyboard.press("Escape")
        for key, (board, declared) in enumerate(SHIPPED.items(), 1):
            if key > 1:
                page.keyboard.press(str(key))
                expect(page.locator("#title")).to_have_text(declared.title)
            ready(page)
            if width == SIZES[0][0] or key in (1, 6):  # the phone has one layout for all
                check(page, f"{board} {width}")
    page.keyboard.press("1")
    expect(page.locator("#title")).to_have_text("Operations")
    ready(page)
    opener(page, "first_reply_time").click()
    for tab, shows in (("Breakdown", "table"), ("Series", "canvas"), ("Definition", "dl"), ("Source", "table")):
        page.get_by_role("tab", name=tab).click()
        expect(page.locator(f"#tab-room {shows}").first).to_be_visible()
        check(page, tab)
    page.keyboard.press("Escape")
    page.locator(".spike-title").click()
    check(page, "spikes")
    page.keyboard.press("Escape")
    page.locator("#sources").click()
    expect(page.locator("#standings table")).to_be_visible()
    check(page, "sources")
    page.keyboard.press("Escape")
    page.locator("#menu-button").click()
    page.get_by_role("button", name="Edit this board").click()
    page.locator("fieldset").nth(2).get_by_label("Target", exact=True).fill("soon")
    page.get_by_role("button", name="Save").click()
    check(page, "editing")
    page.locator("fieldset").nth(2).get_by_label("Target", exact=True).fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#token")).to_be_visible()
    check(page, "token")


@pytest.mark.parametrize(
    ("scene", "feed", "address", "size"),
    [
        pytest.param(("behind",), "stale", "/?theme=dark", SIZES[0], id="stale"),
        pytest.param(("behind",), "stale", "/wall/sources?theme=dark", SIZES[1], id="stale on a phone"),
        pytest.param(("empty", "--frozen"), "live", "/?theme=dark", SIZES[0], id="empty"),
        pytest.param(("hostile",), "live", "/?theme=dark", SIZES[1], id="hostile"),
        pytest.param(("spike", "--frozen"), "live", "/?theme=light&view=all", SIZES[0], id="all figures"),
    ],
)
def test_a_board_in_another_state(
    serving: Serving, open_page: OpenPage, scene: tuple[str, ...], feed: str, address: str, size: tuple[int, int]
) -> None:
    page = open_page(f"{serving(*scene)}{address}", *size)
    page.emulate_media(reduced_motion="reduce")
    expect(page.locator("body")).to_have_attribute("data-feed", feed)
    expect(page.locator(".value").first).not_to_have_text("…")
    check(page, feed)


def test_what_cannot_be_read_is_found(serving: Serving, open_page: OpenPage) -> None:
    """The check itself can fail: a word in the colour of its ground, in one theme or in the other; a button without a name."""
    page = open_page(f"{serving('still', '--frozen')}/?theme=dark")
    page.emulate_media(reduced_motion="reduce")
    ready(page)
    check(page, "as it is")
    page.locator(".window").first.evaluate("window => window.style.color = '#444'")
    page.locator(".open").first.evaluate("open => open.replaceChildren()")
    assert sorted(found.split(":")[0] for found in page.evaluate(RUN)) == ["button-name", "color-contrast"]
    page.reload()
    ready(page)
    page.locator(".window").first.evaluate("window => window.style.color = '#aaa'")  # good on black, not on white
    with pytest.raises(AssertionError, match=r"grey, light: .*color-contrast"):
        check(page, "grey")
    page.reload()
    ready(page)
    page.evaluate("document.styleSheets[1].insertRule('[data-theme=light] .open bdi { display: none }')")
    with pytest.raises(AssertionError, match=r"nameless, light: .*button-name"):
        check(page, "nameless")


def test_landmarks_headings_and_what_is_seen_of_the_focus(serving: Serving, open_page: OpenPage) -> None:
    page = open_page(f"{serving('spike', '--frozen')}/")
    ready(page)
    for role in ("banner", "main", "navigation"):
        expect(page.get_by_role(role)).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).to_have_text("Operations")
    levels = page.locator("h1:visible, h2:visible, h3:visible").evaluate_all("all => all.map((one) => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    live = page.locator("[role=alert], [role=status], [aria-live]").evaluate_all("all => all.map((one) => one.id)")
    assert live == ["alarm", "said"]  # nothing that changes with every figure is read out
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the figures")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(opener(page, "active_issues")).to_be_focused()
    outline = page.locator('[data-kpi="active_issues"]').first.evaluate("tile => parseFloat(getComputedStyle(tile).outlineWidth)")
    assert outline >= 2
    page.emulate_media(reduced_motion="reduce")
    moving = "all => all.filter((one) => parseFloat(getComputedStyle(one).transitionDuration) > 0).length"
    assert page.locator("body *").evaluate_all(moving) == 0
