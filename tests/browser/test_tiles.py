"""A tile by itself: its number is whole and lies over nothing, however large; its trend is on the number's own scale."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, Serving, tile

pytestmark = pytest.mark.browser
BESIDE = """
() => [...document.querySelectorAll('.tiles .tile')].flatMap((tile) => {
  const of = (one) => one.getBoundingClientRect(), box = (part) => of(tile.querySelector(part));
  const value = tile.querySelector('.value'), text = document.createRange();
  text.selectNodeContents(value);
  const number = of(text), lines = of(value), trend = box('.trend'), outer = of(tile);
  const wrong = [];
  if (number.right > outer.right - 4) wrong.push('cut off');
  if (trend.width && trend.top < lines.bottom - 4 && number.right > trend.left + 8) wrong.push('over its trend');
  if (lines.top < box('h2').bottom - 4 || lines.bottom > box('.foot').top + 4) wrong.push('over other lines');
  if (box('.foot').bottom > outer.bottom) wrong.push('foot cut off');
  return wrong.map((one) => `${tile.dataset.kpi} ${value.textContent} ${one}`); })
"""
HUGE = """{ const parse = JSON.parse; JSON.parse = (text) => { const told = parse(text);
  const huge = { active_issues: 1234567, resolved_issues: 987654321012, current_longest_wait: 172700, nps: -100, csat_score: 0.999 };
  for (const figure of told.figures || []) if (figure.kpi in huge) Object.assign(figure, { value: huge[figure.kpi], n: 123456 });
  return told; }; }"""
TREND = """
async (tile) => {
  const { Trend } = await import('/static/trend.js');
  const room = document.createElement('div');
  room.style.width = '400px'; room.style.height = '120px';
  document.body.append(room);
  const trend = new Trend(room, tile, () => {});
  trend.end = Date.parse('2026-11-22T12:30:00Z') / 1000;
  await trend.fetch();
  trend.draw();
  const [xs, ys, target, watch] = trend.plot.data, [low, high] = trend.usual;
  const told = { last: new Date(xs.at(-1) * 1000).toISOString().slice(11, 16), target: target.at(-1), watch: watch.at(-1),
    since: room.querySelector('.since').textContent, within: ys.filter((y) => y >= low && y <= high).length / ys.length };
  trend.close(); room.remove();
  return told;
}
"""


def test_no_number_is_cut_off_or_lies_over_anything(serving: Serving, open_page: OpenPage) -> None:
    page = open_page(f"{serving('spike', '--frozen')}/?theme=dark", before=HUGE)
    expect(tile(page, "resolved_issues").locator(".value")).to_have_text("987\u202f654\u202f321\u202f012")
    expect(tile(page, "first_reply_time").locator("canvas")).to_be_attached()
    for width, height in ((1920, 1080), (3840, 2160), (1366, 768), (960, 540), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        for font in ("", '"DejaVu Sans"'):  # the page's own and the broadest that it falls back to
            page.evaluate("(font) => { document.documentElement.style.fontFamily = font; }", font)
            assert page.evaluate(BESIDE) == [], (width, font)


@pytest.mark.parametrize(
    ("kpi", "unit", "window", "last", "target"),
    [
        pytest.param("issues_created", "tickets", "24h", "11:00", None, id="a count of a day against the hours: no target, no half hour"),
        pytest.param("service_level", "ratio", "24h", "12:00", 0.8, id="a share"),
        pytest.param("active_issues", "tickets", "now", "12:00", 0.8, id="what is now"),
    ],
)
def test_a_trend_is_on_the_scale_of_its_number(
    serving: Serving, open_page: OpenPage, kpi: str, unit: str, window: str, last: str, target: float | None
) -> None:
    page = open_page(f"{serving('still', '--frozen')}/docs")
    page.add_script_tag(url="/static/vendor/uPlot.iife.min.js")
    trend = {"step": "1h", "span_seconds": 86_400}
    told = page.evaluate(TREND, {"kpi": kpi, "unit": unit, "window": window, "dims": {}, "target": 0.8, "watch": 0.7, "trend": trend})
    assert (told["last"], told["target"], told["watch"]) == (last, target, None if target is None else 0.7)
    assert told["since"] in ("24 h ago", "25 h ago")
    assert 0.7 <= told["within"] <= 0.9
