"""What a tile opens: what the number is made of, how it went, what it means."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, Serving, tile
from tests.services.api.fake_board import TEAMS

pytestmark = pytest.mark.browser


def test_breakdown_series_and_definition(serving: Serving, open_page: OpenPage) -> None:
    address = serving("still")
    page = open_page(f"{address}/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    tile(page, "first_reply_time").click()
    panel = page.get_by_role("dialog")
    by_team = panel.get_by_role("table", name="By team")
    expect(by_team.locator("tbody tr")).to_have_count(len(TEAMS))
    expect(by_team.locator("tbody tr").first).to_contain_text("onboarding")  # the longest first: less is better
    expect(by_team.locator("tbody tr").first).to_contain_text("20 min")
    expect(by_team.locator("tbody tr").first).to_contain_text("18–21 min")
    expect(by_team.locator("svg")).to_have_count(len(TEAMS))
    expect(panel.get_by_role("table", name="By priority")).to_be_visible()
    expect(panel.get_by_role("heading", level=3)).to_have_count(3)
    assert not [url for url in asked if "agent" in url]
    panel.get_by_role("tab", name="Series").click()
    expect(panel.locator("canvas")).to_be_visible()
    expect(panel.locator("figcaption")).to_contain_text("Last 3 h: between 23 min and 26 min")
    panel.get_by_role("button", name="7 d").click()
    expect(panel.locator("figcaption")).to_contain_text("Last 7 d")
    expect(panel.get_by_role("button", name="7 d")).to_have_attribute("aria-pressed", "true")
    panel.get_by_text("As a table").click()
    expect(panel.get_by_role("table", name="The last 7 d").locator("tbody tr").first).to_contain_text("min")
    panel.get_by_role("tab", name="Definition").click()
    expect(panel).to_contain_text("What first reply time tells.")
    expect(panel).to_contain_text("how first reply time is formed")
    expect(panel.locator("dd", has_text="≤ 30 min")).to_be_visible()


def test_a_figure_without_a_past_and_one_without_data_say_so(serving: Serving, open_page: OpenPage) -> None:
    address = serving("still")
    page = open_page(f"{address}/")
    tile(page, "current_longest_wait").click()
    panel = page.get_by_role("dialog")
    panel.get_by_role("tab", name="Series").click()
    expect(panel).to_contain_text("has no past")
    page.keyboard.press("Escape")
    tile(page, "csat_score").click()
    panel.get_by_role("tab", name="Series").click()
    expect(panel).to_contain_text("NO DATA in the last 24 h")


def test_what_is_worse_comes_first_and_what_has_no_value_last(serving: Serving, open_page: OpenPage) -> None:
    address = serving("still")
    page = open_page(f"{address}/docs")
    found = page.evaluate(
        """async () => { const { ordered } = await import('/static/breakdown.js');
        const all = [[3, 1], [null, 0], [9, 1], [1, 1], [3, 5]].map(([value, n]) => ({ value, n }));
        const of = (better) => ordered(all, better).map((f) => [f.value, f.n]);
        return { up: of('up'), down: of('down') }; }"""
    )
    assert found == {"up": [[1, 1], [3, 5], [3, 1], [9, 1], [None, 0]], "down": [[9, 1], [3, 5], [3, 1], [1, 1], [None, 0]]}
