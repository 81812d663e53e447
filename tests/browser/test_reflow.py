"""At 400 % zoom (320 CSS pixels) and by the keyboard alone: nothing scrolls sideways, nothing is cut, and what has the focus is seen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from services.api.boards.shipped import SHIPPED
from tests.browser.conftest import OpenPage, Serving, opener
from tests.browser.test_wall import CUT_OFF

pytestmark = pytest.mark.browser
SIZES = {"400 %": (320, 256), "200 %": (960, 540)}
SIDEWAYS = """
() => [document.documentElement, ...document.querySelectorAll('dialog[open]')].flatMap((room) =>
  room.scrollWidth <= room.clientWidth ? [] : [...room.querySelectorAll('*')].filter((one) =>
    one.getClientRects().length && !one.closest('.table-room, .unseen') && one.getBoundingClientRect().right > room.clientWidth + 1)
    .slice(0, 5).map((one) => `${one.tagName}.${one.className}: ${one.textContent.slice(0, 40)}`))
"""
SEEN = """
() => { const one = document.activeElement, tile = one.closest('.tile'), box = (tile || one).getBoundingClientRect();
  const style = getComputedStyle(tile || one);
  const x = box.left + Math.min(box.width / 2, 20), y = Math.max(box.top, 0) + Math.min(box.bottom, innerHeight) - Math.max(box.top, 0) - 4;
  const over = document.elementFromPoint(x, y);
  const within = box.bottom > 0 && box.top < innerHeight && box.width > 0;
  const shown = within && (one.contains(over) || over?.contains(one) || tile?.contains(over));
  return { name: one.id || one.className || one.tagName, what: (one.ariaLabel || one.textContent || one.value || '').slice(0, 30),
    shown: Boolean(shown), outlined: parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== 'none' }; }
"""


def ready(page: Page) -> None:
    """Waits until a board stands there."""
    expect(page.locator("body")).to_have_attribute("data-feed", "live")
    expect(page.locator(".tiles .value").first).not_to_have_text("…")


def narrow(page: Page, where: str) -> None:
    """Fails with what stands beyond the right edge."""
    assert page.evaluate(SIDEWAYS) == [], where


@pytest.mark.parametrize("size", SIZES)
def test_nothing_scrolls_sideways_and_nothing_is_cut(serving: Serving, open_page: OpenPage, size: str) -> None:
    page = open_page(f"{serving('spikes')}/?theme=light", *SIZES[size])
    for key, (board, declared) in enumerate(SHIPPED.items(), 1):
        if key > 1:
            page.keyboard.press(str(key))
            expect(page.locator("#title")).to_have_text(declared.title)
        ready(page)
        narrow(page, board)
        assert page.evaluate(CUT_OFF) == [], board
    page.keyboard.press("1")
    expect(page.locator("#title")).to_have_text("Operations")
    ready(page)
    opener(page, "first_reply_time").press("Enter")
    for tab, shows in (("Breakdown", "table"), ("Series", "canvas"), ("Definition", "dl"), ("Source", "table")):
        page.get_by_role("tab", name=tab).click()
        expect(page.locator(f"#tab-room {shows}").first).to_be_visible()
        narrow(page, tab)
        if tab == "Breakdown":  # a name of one word stands on one line
            assert page.locator(".by td:first-child").evaluate_all("cells => Math.max(...cells.map((cell) => cell.clientHeight))") < 50
        if tab == "Series":
            below = "figure => figure.querySelector('figcaption').getBoundingClientRect().top"
            drawn = "figure => figure.querySelector('canvas').getBoundingClientRect().bottom"
            assert page.locator("figure").evaluate(below) >= page.locator("figure").evaluate(drawn)
    page.keyboard.press("Escape")
    page.locator(".spike-title").press("Enter")
    narrow(page, "spikes")
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    page.get_by_role("button", name="Edit this board").press("Enter")
    expect(page.locator("#editor")).to_be_visible()
    narrow(page, "editor")


def walked(page: Page, key: str, most: int) -> list[str]:
    """Presses a key until the focus leaves the page; what had the focus and was not seen, or not marked."""
    found = []
    for _ in range(most):
        page.keyboard.press(key)
        at = page.evaluate(SEEN)
        if at["name"] == "BODY":
            break
        if at["name"] != "tab-room" and not (at["shown"] and at["outlined"]):
            found.append(f"{at}")
    return found


@pytest.mark.parametrize("size", ["wall", "200 %"])
def test_what_has_the_focus_is_seen(serving: Serving, open_page: OpenPage, size: str) -> None:
    page = open_page(f"{serving('spikes')}/?theme=dark", *SIZES.get(size, (1920, 1080)))
    ready(page)
    assert walked(page, "Tab", 60) == []
    page.keyboard.press("m")
    page.get_by_role("button", name="Edit this board").press("Enter")
    expect(page.locator("#editor")).to_be_visible()
    assert walked(page, "Tab", 60) == []
    assert walked(page, "Shift+Tab", 60) == []
