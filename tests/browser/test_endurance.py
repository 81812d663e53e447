"""A week on the wall in half a minute: ten thousand messages and fifty lost connections leave no memory, element or listener behind.

The page is the real one; only its EventSource is played by a fake one in the page, and its clock by Playwright's, so that retries
and refreshes come as fast as they are asked for. What is compared is after the garbage has been collected, and after a warm-up:
trends keep some hundred points.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import CDPSession, expect

from tests.browser.conftest import OpenPage, Serving, tile

pytestmark = pytest.mark.browser
UPDATES, RECONNECTS, WARM_UP = 10_000, 50, 2_000
FAKE = """
window.EventSource = class {
  static OPEN = 1; static CLOSED = 2;
  constructor() { this.readyState = 1; this.heard = {}; window.source = this; window.opened = (window.opened || 0) + 1; }
  addEventListener(name, act) { this.heard[name] = act; }
  close() { this.readyState = 2; this.heard = {}; this.onerror = null; }
  tell(name, data) { this.heard[name]?.({ data }); }
  lose() { this.readyState = 2; this.onerror?.(); }
};
"""
UPDATE = """
async ({ from, count, snapshot, spikes }) => {
  const base = JSON.parse(snapshot), start = Date.parse(base.pulse.as_of);
  for (let i = from; i < from + count; i++) {
    const as_of = new Date(start + i * 500).toISOString();
    const moved = (value) => (value === null ? null : value * (1 + (i % 13) / 50));
    const figures = base.figures.filter((_, n) => n % 9 === i % 9).map((figure) => ({ ...figure, as_of, value: moved(figure.value) }));
    const one = { ...spikes[0], id: `e@${Math.floor(i / 100)}`, observed: i % 40 };
    const sources = { ...base.pulse.sources, zendesk: as_of };
    const pulse = { ...base.pulse, as_of, last_event: as_of, sources, spikes: i % 200 < 100 ? [one] : [] };
    source.tell(i % 50 === 0 ? 'snapshot' : 'change', JSON.stringify({ pulse, figures: i % 50 === 0 ? base.figures : figures }));
    if (i % 250 === 249) await new Promise((done) => realFrame(done));
  }
}
"""
CLOCK = "window.realFrame = window.requestAnimationFrame.bind(window);"


def measured(devtools: CDPSession) -> dict[str, float]:
    """Bytes of the heap, elements and listeners that are still there when everything else is collected."""
    for _ in range(3):
        devtools.send("HeapProfiler.collectGarbage")
    metrics = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
    return {"heap": devtools.send("Runtime.getHeapUsage")["usedSize"], "nodes": metrics["Nodes"], "listeners": metrics["JSEventListeners"]}


def test_a_week_leaves_nothing_behind(serving: Serving, open_page: OpenPage) -> None:
    address = serving("spike", "--frozen")
    first = open_page(f"{address}/docs")
    board = f"{address}/v1/stream?board=operations"
    snapshot = first.evaluate(
        """(address) => new Promise((done) => { const source = new EventSource(address);
        source.addEventListener('snapshot', (e) => { source.close(); done(e.data); }); })""",
        board,
    )
    spikes = first.evaluate("async () => (await (await fetch('/v1/spikes')).json()).spikes")
    page = open_page(f"{address}/docs", before=CLOCK + FAKE)
    page.clock.install()
    page.goto(f"{address}/")
    expect(page.locator(".tiles .tile")).to_have_count(9)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")
    told = {"snapshot": snapshot, "spikes": spikes}

    def reconnect(times: int) -> None:
        for _ in range(times):
            before = page.evaluate("opened")
            page.evaluate("source.lose()")
            page.clock.run_for(1_300)  # a retry comes after 0.8 to 1.2 s, as long as the one before was answered
            assert page.evaluate("opened") == before + 1
            page.evaluate("(data) => source.tell('snapshot', data)", snapshot)

    page.evaluate(UPDATE, {**told, "from": 1, "count": WARM_UP})
    reconnect(3)
    before = measured(devtools)
    for part in range(5):
        page.evaluate(UPDATE, {**told, "from": WARM_UP + part * UPDATES // 5, "count": UPDATES // 5})
        reconnect(RECONNECTS // 5)
    after = measured(devtools)
    expect(tile(page, "first_reply_time").locator(".value")).to_have_text("24 min")
    expect(page.locator("body")).to_have_attribute("data-feed", "live")
    grown = {name: after[name] - before[name] for name in before}
    assert grown["heap"] < 500_000, grown  # of some 10 MB; a kept message of each update would be 40 MB
    assert grown["nodes"] <= 20, grown
    assert grown["listeners"] <= 5, grown


def test_boards_that_are_left_leave_nothing_behind(serving: Serving, open_page: OpenPage) -> None:
    address = serving("spike", "--frozen")
    page = open_page(f"{address}/")
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")

    def round_trip() -> None:
        for key, title in (("2", "Support"), ("3", "Calls"), ("1", "Operations")):
            page.keyboard.press(key)
            expect(page.locator("#title")).to_have_text(title)
            expect(page.locator(".tiles .value").first).not_to_have_text("…")

    expect(page.locator(".tiles .value").first).not_to_have_text("…")
    page.locator("#menu-button").click()
    expect(page.locator("#menu a")).to_have_count(6)
    page.locator("#menu-button").click()
    for _ in range(2):
        round_trip()
    before = measured(devtools)
    for _ in range(4):
        round_trip()
    after = measured(devtools)
    grown = {name: after[name] - before[name] for name in before}
    assert grown["heap"] < 1_000_000, grown
    assert grown["nodes"] <= 300, grown  # of some 1,500 that one board has
    assert grown["listeners"] <= 60, grown
