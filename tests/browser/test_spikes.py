"""What is unusual: the banner with its cause, the marked tile, one announcement for each incident, and words that wish us ill."""

from __future__ import annotations

import pytest
from playwright.sync_api import Dialog, expect

from tests.browser.conftest import OpenPage, Serving, opener, tile

pytestmark = pytest.mark.browser
HEARD = """
addEventListener('DOMContentLoaded', () => { window.heard = [];
  new MutationObserver(() => { const text = document.getElementById('alarm').textContent; if (text) window.heard.push(text); })
    .observe(document.getElementById('alarm'), { childList: true, characterData: true, subtree: true }); });
"""


def test_the_banner_tells_the_cause_and_the_tile_is_marked(serving: Serving, open_page: OpenPage) -> None:
    address = serving("spike", "--frozen")
    page = open_page(f"{address}/", before=HEARD)
    banner = page.get_by_role("region", name="Escalations are unusually high")
    expect(banner).to_contain_text("14 in 15 min, usually 0–7 · from chat × billing (11 of 14) · since 13:47 · newest 35436, 35441, 35447")
    expect(banner).to_contain_text("once in 9 monthsby chance")
    expect(tile(page, "escalation_rate").locator(".verdict")).to_have_text("▲ unusually high")
    expect(tile(page, "escalation_rate").locator(".foot")).to_contain_text("14 in 15 min, usually 0–7")
    expect(tile(page, "escalation_rate").locator(".ci")).to_have_text("chat × billing")
    expect(page.locator(".tile[data-spike]")).to_have_count(1)
    expect(page.locator("#clock")).to_have_text("14:00")
    assert page.evaluate("heard") == ["Escalations are unusually high: 14 in 15 min, usually 0–7, from chat and billing, since 13:47."]
    page.get_by_role("button", name="Escalations are unusually high").click()
    panel = page.get_by_role("dialog", name="Unusual now")
    expect(panel.locator("tbody tr").first).to_contain_text("chat × billing110.993 %")
    expect(panel).to_contain_text("Nothing special by priority, language.")
    expect(panel).to_contain_text("Newest: 35436, 35441, 35447, 35450")


def test_a_changed_incident_is_shown_and_not_announced_again(serving: Serving, open_page: OpenPage) -> None:
    address = serving("still")
    page = open_page(f"{address}/", before=HEARD)
    expect(page.locator("body")).to_have_attribute("data-feed", "live")  # the page's own incidents, none, have been told
    found = page.evaluate(
        """async () => { const { Spikes } = await import('/static/spikes.js');
        const { ServerTime } = await import('/static/server_time.js');
        document.getElementById('spike-head').replaceChildren(); window.heard.length = 0;
        const spikes = new Spikes(new ServerTime('UTC'));
        const one = (id, observed, kpi = 'a') => ({ id, kpi, title: `T${kpi}`, dims: { channel: 'chat' }, window: '1h',
          since: '2026-11-22T08:00:00Z', state: 'open',
          observed, expected: 2, usual_low: 0, usual_high: 4, unit: 'tickets',
          once_in_seconds: 700000, causes: [], flat: [], tickets: [] });
        const rest = () => new Promise((done) => setTimeout(done, 20));
        const seen = [];
        const pulses = [[one('a', 9)], [one('a', 10)],
          [one('b', 30, 'b'), one('a', 11)], [one('a', 12)], [], [one('a', 13)], [one('c', 8)]];
        const banner = document.getElementById('spike');
        for (const told of pulses) {
          spikes.tell(told); await rest(); seen.push(banner.hidden ? '' : banner.textContent);
        }
        return { seen, heard: window.heard }; }"""
    )
    assert found["heard"] == [
        "Ta: 9 in 1 h, usually 0–4, since Sun 22 Nov, 08:00.",
        "Tb: 30 in 1 h, usually 0–4, since Sun 22 Nov, 08:00.",
        "Ta: 8 in 1 h, usually 0–4, since Sun 22 Nov, 08:00.",
    ]
    assert "10 in 1 h" in found["seen"][1]
    assert "in chat" in found["seen"][1]
    assert "once in 8 days" in found["seen"][1]
    assert "Tb + 1 more" in found["seen"][2]
    assert found["seen"][4] == ""


def test_the_strongest_first_and_how_many_more(serving: Serving, open_page: OpenPage) -> None:
    address = serving("spikes")
    page = open_page(f"{address}/")
    expect(page.locator("#spike h2")).to_have_text("Escalations are unusually high + 2 more")
    expect(page.locator(".tiles .tile[data-spike]")).to_have_count(2)
    expect(tile(page, "current_longest_wait").locator(".foot")).to_contain_text("38 min, usually up to 13 min")
    page.locator(".spike-title").click()
    expect(page.locator("#spikes h3")).to_have_count(3)
    expect(page.locator("#spikes")).to_contain_text("easing")
    page.keyboard.press("Escape")
    expect(page.locator(".spike-title")).to_be_focused()


def test_hostile_words_stay_words(serving: Serving, open_page: OpenPage) -> None:
    address = serving("hostile")
    said: list[str] = []

    def refused(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    for width, height in ((1920, 1080), (390, 844)):
        page = open_page(f"{address}/", width, height)
        page.on("dialog", refused)
        expect(page.locator("#spike")).to_contain_text("<img src=x onerror=alert(1)>‹U+202E›gnp")
        opener(page, "first_reply_time").click()
        expect(page.locator("#detail table").first).to_contain_text("<img src=x")
        page.keyboard.press("Escape")
        page.locator(".spike-title").click()
        expect(page.locator("#spikes")).to_contain_text("␇␀")
        page.keyboard.press("Escape")
        page.locator("#sources").click()
        expect(page.locator("#standings table")).to_be_visible()
        page.keyboard.press("Escape")
        assert page.locator("img").count() == 0
        assert page.evaluate(r"/[\u0000-\u0008\u202a-\u202e\u2066-\u2069]/.test(document.documentElement.textContent)") is False
        assert page.evaluate("[...document.querySelectorAll('bdi')].every((one) => getComputedStyle(one).unicodeBidi === 'isolate')")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert said == []
        if width == 1920:
            assert page.locator(".strip").evaluate("strip => strip.getBoundingClientRect().bottom") <= 1080


def test_how_rare_is_said_in_words(serving: Serving, open_page: OpenPage) -> None:
    address = serving("still")
    page = open_page(f"{address}/docs")
    found = page.evaluate(
        """async () => { const { rarity, usual, carried } = await import('/static/spike_text.js');
        const spike = (unit, low, high, expected = 3.14) => ({ unit, usual_low: low, usual_high: high, expected, observed: 14 });
        const rare = [null, 0, 30, 3600, 7200, 86400 * 3, 86400 * 15, 23328000, 86400 * 800, 1e12].map(rarity);
        const told = [['tickets', 0, 7], ['tickets', 2, 2], ['seconds', 0, 780], ['seconds', 300, 780], ['calls', null, null]];
        const of = (unit) => carried({ observed: 11, share: .5 }, spike(unit, 0, 7));
        return { rare, usual: told.map((one) => usual(spike(...one))), carried: [of('tickets'), of('seconds')] }; }"""
    )
    assert found == {
        "rare": [
            "", "", "once a minute", "once in 60 minutes", "once in 2 hours", "once in 3 days", "once in 2 weeks", "once in 9 months",
            "once in 2 years", "less than once in 1000 years",
        ],
        "usual": ["usually 0–7", "usually 2", "usually up to 13 min", "usually 5–13 min", "usually 3.1"],
        "carried": ["11 of 14", "50 % of it"],
    }  # fmt: skip
