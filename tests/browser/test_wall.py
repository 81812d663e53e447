"""The wall board as it stands on a wall: live, without data, stale, back again, on a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, Server, Serving, tile
from tests.services.api.fake_board import MADE

pytestmark = pytest.mark.browser
CUT_OFF = """
() => [...document.querySelectorAll('.tile, .part, header')].flatMap((box) =>
  [...box.querySelectorAll('.value, h2, h3, .foot, .n, .clock, .live')].filter((part) => {
    const inner = part.getBoundingClientRect(), outer = box.getBoundingClientRect();
    return inner.right > outer.right + 1 || inner.bottom > outer.bottom + 1 || inner.left < outer.left - 1;
  }).map((part) => `${box.dataset.kpi || box.className}: ${part.textContent}`))
"""
HEARD = """
addEventListener('DOMContentLoaded', () => { window.heard = [];
  const said = document.getElementById('said');
  new MutationObserver(() => window.heard.push(said.textContent)).observe(said, { childList: true }); });
"""


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_live_board_shows_every_kpi_and_cuts_nothing_off(serving: Serving, open_page: OpenPage, theme: str) -> None:
    address = serving("still", "--frozen")  # a clock that walks would make the silence of a source longer with every test before
    page = open_page(f"{address}/?theme={theme}")
    expect(page.locator("body")).to_have_attribute("data-feed", "live")
    expect(tile(page, "nps").locator(".value")).to_have_text("+42")
    expect(tile(page, "first_reply_time").locator(".value")).to_have_text("24 min")
    expect(tile(page, "first_reply_time").locator(".foot")).to_contain_text("● on target")
    expect(tile(page, "first_reply_time").locator(".foot")).to_contain_text("95 % 22–26 min · n 142")
    expect(tile(page, "first_reply_time").locator("canvas")).to_be_visible()
    expect(page.locator("#live")).to_have_text(re.compile(r"^live · last event \d s$"))
    expect(page.locator("#sources")).to_contain_text("surveys silent 42 min")
    expect(page.locator(".part")).to_have_count(6)
    expect(page.locator("html")).to_have_attribute("data-theme", theme)
    shown = page.locator("[data-kpi]").evaluate_all("tiles => tiles.map((tile) => tile.dataset.kpi)")
    assert sorted(shown) == sorted(one.id for one in MADE)
    assert page.evaluate(CUT_OFF) == []
    sizes = """parts => Math.min(...parts.map((part) => parseFloat(getComputedStyle(part).fontSize)))"""
    assert page.locator("main .value:not(.none)").evaluate_all(sizes) >= 100  # see wall.css: what five metres ask for
    assert page.locator("main .verdict, main h2, main .ci, .live").evaluate_all(sizes) >= 18
    assert page.locator(".strip").evaluate("strip => strip.getBoundingClientRect().bottom") <= 1080


def test_the_sources_tell_how_they_stand(serving: Serving, open_page: OpenPage) -> None:
    address = serving("still")
    page = open_page(f"{address}/")
    expect(page.locator("body")).to_have_attribute("data-feed", "live")
    expect(page.locator("#sources")).to_be_visible()
    page.locator("#sources").focus()
    page.keyboard.press("Enter")
    rows = page.locator("#standings tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(1)).to_contain_text("bad time × 3")
    expect(rows.nth(2)).to_contain_text("▲ no secret")
    expect(rows.nth(2)).to_contain_text("never")
    expect(rows.nth(3)).to_contain_text("◆ quiet")
    page.keyboard.press("Escape")
    expect(page.locator("#standings")).to_be_hidden()
    expect(page.locator("#sources")).to_be_focused()


def test_the_colours_of_words_can_be_told_from_their_ground(serving: Serving, open_page: OpenPage) -> None:
    """WCAG 2.2: text at 4.5 to 1, in both themes."""
    address = serving("still")
    contrast = """
    () => { const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).map((x) => {
        x /= 255; return x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4; });
        return .2126 * r + .7152 * g + .0722 * b; };
      const probe = document.createElement('i'); document.body.append(probe);
      const of = (name) => { probe.style.color = `var(${name})`; return light(getComputedStyle(probe).color); };
      return Object.fromEntries(['--ink', '--ink-2', '--ink-3', '--ok', '--watch', '--bad'].map((name) => {
        const [a, b] = [of(name), of('--panel')].sort((x, y) => y - x); return [name, (a + .05) / (b + .05)]; })); }
    """
    for theme in ("dark", "light"):
        found = open_page(f"{address}/?theme={theme}").evaluate(contrast)
        assert {name: ratio for name, ratio in found.items() if ratio < 4.5} == {}


def test_a_change_reaches_the_wall(server: Server, open_page: OpenPage) -> None:
    server.start("moving")
    page = open_page(f"{server.address}/wall/operations")
    value = tile(page, "active_issues").locator(".value")
    expect(value).not_to_have_text("…")
    before = value.text_content()
    expect(value).not_to_have_text(before or "", timeout=30_000)


def test_no_data_is_said_in_words(serving: Serving, open_page: OpenPage) -> None:
    address = serving("empty", "--frozen")
    page = open_page(f"{address}/")
    nps = tile(page, "nps")
    expect(nps.locator(".value")).to_have_text("NO DATA")
    expect(nps.locator(".foot")).to_contain_text("○ nothing in this window yet")
    expect(nps).to_have_attribute("data-state", "none")
    assert page.evaluate(CUT_OFF) == []


def test_a_board_that_is_behind_says_so(serving: Serving, open_page: OpenPage) -> None:
    address = serving("behind")
    page = open_page(f"{address}/")
    expect(page.locator("body")).to_have_attribute("data-feed", "stale")
    expect(page.locator("#notice")).to_contain_text("No data yet")
    expect(page.locator("#notice")).to_contain_text("120000 records behind")


def test_a_lost_server_greys_the_board_and_its_return_wakes_it(server: Server, open_page: OpenPage) -> None:
    server.start("still")
    page = open_page(f"{server.address}/?theme=dark", before=HEARD)
    expect(page.locator("body")).to_have_attribute("data-feed", "live")
    server.stop()
    expect(page.locator("body")).to_have_attribute("data-feed", "stale", timeout=15_000)
    expect(page.locator("#live")).to_have_text(re.compile(r"^▲ no data since \d\d:\d\d:\d\d$"))
    expect(page.locator("#notice")).to_contain_text("The server cannot be reached")
    assert page.locator(".strip").evaluate("strip => strip.getBoundingClientRect().bottom") <= 1080
    for part in ("main", "#sources"):
        assert "grayscale" in page.locator(part).evaluate("part => getComputedStyle(part).filter")
    expect(tile(page, "first_reply_time").locator(".window")).to_have_text(re.compile(r"^last hour · \d\d:\d\d$"))
    assert page.evaluate("heard") == [page.locator("#said").text_content()]
    assert page.evaluate(CUT_OFF) == []
    server.start("still")
    expect(page.locator("body")).to_have_attribute("data-feed", "live", timeout=20_000)
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("#said")).to_have_text("The figures are live again.")


def test_a_silent_connection_is_noticed_by_the_page_itself(serving: Serving, open_page: OpenPage) -> None:
    """The connection stays open but nothing comes: only the page's own clock can tell."""
    address = serving("still")
    page = open_page(f"{address}/docs")
    page.clock.install()
    page.route("**/v1/stream**", lambda route: None)  # taken and never answered
    page.goto(f"{address}/")
    expect(page.locator("#live")).to_have_text("connecting …")
    page.clock.run_for(30_000)
    expect(page.locator("body")).to_have_attribute("data-feed", "stale")
    expect(page.locator("#live")).to_have_text("▲ no data yet")


def test_a_wrong_clock_of_the_viewer_changes_nothing(serving: Serving, open_page: OpenPage) -> None:
    """The page's own clock is 40 days behind, and its time zone another; the board tells the server's time."""
    address = serving("still", "--frozen")
    page = open_page(f"{address}/docs")
    page.clock.install(time="2026-10-13T03:04:05Z")
    page.goto(f"{address}/")
    expect(page.locator("#live")).to_have_text(re.compile(r"^live · last event [01] s$|^live · last event 0\.\d s$"))
    expect(page.locator("#clock")).to_have_text("14:00")
    expect(page.locator("#clock")).to_have_attribute("title", re.compile("Sun 22 Nov.*14:00, Europe/Helsinki"))
    page.clock.set_system_time("2031-01-01T00:00:00Z")
    page.clock.run_for(1_500)
    expect(page.locator("#clock")).to_have_text("14:00")
    expect(page.locator("body")).to_have_attribute("data-feed", "live")


def test_a_figure_that_is_older_than_the_board_says_so(serving: Serving, open_page: OpenPage) -> None:
    address = serving("still", "--frozen")
    page = open_page(
        f"{address}/",
        before="""{ const parse = JSON.parse; JSON.parse = (text) => {
          const told = parse(text);
          for (const figure of told.figures || []) if (figure.kpi === 'nps')
            figure.as_of = '2026-11-22T11:05:00.000Z'; return told; }; }""",
    )
    expect(tile(page, "nps").locator(".window")).to_have_text("last 28 d · as of 13:05")
    expect(tile(page, "first_reply_time").locator(".window")).to_have_text("last hour")


def test_on_a_phone_nothing_is_cut_and_nothing_scrolls_sideways(serving: Serving, open_page: OpenPage) -> None:
    address = serving("still")
    page = open_page(f"{address}/", 390, 844)
    expect(tile(page, "nps").locator(".value")).to_have_text("+42")
    expect(page.locator(".part")).to_have_count(6)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(CUT_OFF) == []


def test_every_figure_small_on_a_second_screen(serving: Serving, open_page: OpenPage) -> None:
    address = serving("still")
    page = open_page(f"{address}/?view=all")
    expect(tile(page, "nps").locator(".value")).to_have_text("+42")
    expect(page.locator("#rest .tile")).to_have_count(len(MADE))
    assert page.evaluate(CUT_OFF) == []
    short = "parts => parts.filter((part) => part.scrollWidth > part.clientWidth + 1).map((part) => part.textContent)"
    assert page.locator("#rest :is(.word, .ci)").evaluate_all(short) == []


def test_the_documentation_is_drawn_without_anything_from_elsewhere(serving: Serving, open_page: OpenPage) -> None:
    address = serving("still")
    page = open_page(f"{address}/docs")
    expect(page.get_by_role("heading", name="GET /v1/figures")).to_be_visible()


def test_people_read_numbers_not_floats(serving: Serving, open_page: OpenPage) -> None:
    address = serving("still")
    page = open_page(f"{address}/docs")
    said = page.evaluate(
        """async () => { const { amount, mostly, range, readAmount, typed, verdict } = await import('/static/figure_text.js');
        const join = (parts) => parts.filter((x) => x !== '').join(' ');
        return {
          durations: [0, 4.2, 59, 99, 100, 1440, 5939, 7200, 100000, 300000, 4e6, -120].map((s) => join(amount(s, 'seconds'))),
          shares: [0, 0.034, 0.5, 0.999, 1].map((r) => join(amount(r, 'ratio'))),
          scores: [-100, -3.2, 0, 42.4].map((s) => join(amount(s, 'score'))),
          counts: [0, 7, 312.4, 12345, -27, 2.5].map((c) => join(amount(c, 'tickets'))),
          typed: [[1800, 'seconds'], [20, 'seconds'], [5400, 'seconds'], [0.905, 'ratio'], [300, 'tickets']]
            .map(([x, unit]) => typed(x, unit)),
          read: [['30 min', 'seconds'], ['20', 'seconds'], ['1,5 h', 'seconds'], ['90 %', 'ratio'], ['0.9', 'ratio'], ['90', 'ratio'],
            ['', 'ratio'], ['−3', 'score'],
            ['12 apples', 'tickets'], ['5 %', 'seconds'], ['5 min', 'ratio']].map(([text, unit]) => String(readAmount(text, unit))),
          held: [[29, null], [31, null], [40, null], [40, 45], [46, 45], [28, 25], [24, 25]].map(([value, watch]) =>
            verdict({ value, quality: 'final', ci_low: null, ci_high: null }, { target: 30, watch, better: 'down', unit: 'tickets' }).word),
          up: [[0.95, null], [0.85, null], [0.7, null], [0.7, 0.6]].map(([value, watch]) =>
            verdict({ value, quality: 'final', ci_low: null, ci_high: null }, { target: 0.9, watch, better: 'up', unit: 'ratio' }).word),
          mostly: [[[305, 335.4], 'now', '5m', 10800, 'tickets'], [[14, 22], '24h', '1h', 86400, 'tickets'],
            [[3, 3], '1h', '5m', 10800, 'tickets'], [[2, 9], '28d', '1d', 2419200, 'complaints'], [[60, 300], '1h', '5m', 10800, 'seconds']]
            .map(([usual, window, step, span_seconds, unit]) => mostly(usual, { unit, window, trend: { step, span_seconds } })),
          unknown: mostly(null, {}),
          ranges: [range(1260, 1680, 'seconds'), range(0.8, 0.86, 'ratio'), range(-5, 12, 'score'), range(50, 8000, 'seconds')],
        }; }"""
    )
    assert said == {
        "durations": ["0 s", "4.2 s", "59 s", "99 s", "1.7 min", "24 min", "99 min", "2.0 h", "28 h", "3.5 d", "46 d", "−2.0 min"],
        "shares": ["0 %", "3.4 %", "50 %", "99.9 %", "100 %"],
        "scores": ["−100", "−3", "0", "+42"],
        "counts": ["0", "7", "312", "12\u202f345", "−27", "2.5"],
        "typed": ["30 min", "20 s", "90 min", "90.5 %", "300"],
        "read": ["1800", "20", "5400", "0.9", "0.9", "0.9", "null", "-3", "NaN", "NaN", "NaN"],
        "held": [
            "● on target",
            "◆ just over",
            "▲ over target",
            "◆ just over",
            "▲ over target",
            "◆ near the target",
            "● on target",
        ],
        "up": ["● on target", "◆ just under", "▲ under target", "◆ just under"],
        "mostly": ["mostly 305–335 in 3 h", "mostly 14–22 an hour", "mostly 3 in 5 min", "mostly 2–9 a day", "mostly 1.0–5.0 min in 3 h"],
        "unknown": "",
        "ranges": ["21–28 min", "80–86 %", "−5 to +12", "0.0–2.2 h"],
    }
