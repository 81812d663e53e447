"""What `/metrics` says of a board: golden, and by the word of Prometheus' own tools."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from schemas.figures import Figure
from services.api import metrics
from services.api.app import create_app
from services.api.ports import Durations, Figures
from services.settings import Settings
from tests.services.api.calling import calling
from tests.services.api.fake_board import MADE, FakeBoard
from tests.services.api.filled_board import filled

GOLDEN = Path(__file__).parent / "golden_metrics.txt"
SMALL = tuple(one for one in MADE if one.id in ("active_issues", "current_longest_wait", "first_reply_time", "nps", "time_to_booking"))
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


async def scraped(board: Figures, path: str = "/metrics", **headers: str) -> httpx.Response:
    async with calling(create_app(Settings(), board, environ={})) as client:
        answer = await client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


def promtool(text: str) -> None:
    if (tool := shutil.which("promtool")) is None:
        pytest.skip("no promtool on this machine (Debian: apt install prometheus)")
    checked = subprocess.run([tool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=30, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


async def test_the_exposition_is_the_golden_one() -> None:
    """The whole text, so that a changed name, unit or help shows as what it is: a change of an interface."""
    answer = await scraped(FakeBoard(made=SMALL, empty=["nps"]))
    text = "\n".join(line for line in answer.text.splitlines() if not line.startswith("deskpulse_build_info")) + "\n"
    assert text == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ["/metrics", "/metrics/agents"])
async def test_promtool_finds_nothing_to_say(path: str) -> None:
    promtool((await scraped(FakeBoard(empty=["ces"]), path)).text)


@pytest.mark.parametrize("path", ["/metrics", "/metrics/agents"])
async def test_both_formats_say_the_same_to_both_parsers(path: str) -> None:
    text = await scraped(FakeBoard(), path)
    openmetrics = await scraped(FakeBoard(), path, **OPENMETRICS)
    assert text.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert openmetrics.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"

    def samples(families: object) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}  # type: ignore[attr-defined]

    found = samples(parse_text(text.text))
    assert len(found) > 50
    assert found == samples(parse_openmetrics(openmetrics.text))  # type: ignore[no-untyped-call]


async def test_it_is_compressed_for_who_takes_it() -> None:
    plain = await scraped(FakeBoard(), **{"Accept-Encoding": "identity"})
    async with (
        calling(create_app(Settings(), FakeBoard(), environ={})) as client,
        client.stream("GET", "/metrics", headers={"Accept-Encoding": "gzip"}) as answer,
    ):
        packed = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed).decode() == plain.text
    assert "content-encoding" not in plain.headers
    refused = await scraped(FakeBoard(), **{"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in refused.headers


async def test_a_total_never_stands_beside_its_parts() -> None:
    for family in parse_text((await scraped(FakeBoard())).text):
        if family.name.startswith("deskpulse_"):
            assert len({frozenset(sample.labels) - {"le"} for sample in family.samples}) == 1, family.name


async def test_no_figure_is_left_out_and_none_is_split_by_two_dimensions() -> None:
    families = {family.name: family for family in parse_text((await scraped(FakeBoard())).text)}
    for one in MADE:
        assert any(one.id in name for name in families), one.id
    for family in families.values():
        assert all(len({"channel", "team", "agent"} & set(sample.labels)) <= 1 for sample in family.samples if family.name.count("window"))


async def test_a_ratio_of_nothing_is_left_out_and_its_parts_stay() -> None:
    text = (await scraped(FakeBoard(made=SMALL, empty=["nps"]))).text
    assert 'deskpulse_all_window_nps_score{window="28d"}' not in text
    assert 'deskpulse_all_window_nps_score_denominator{window="28d"} 0' in text
    assert "NaN" not in text


async def test_durations_are_histograms_and_whoever_waits_is_a_gauge_histogram() -> None:
    families = {f.name: f for f in parse_openmetrics((await scraped(FakeBoard(made=SMALL), **OPENMETRICS)).text)}  # type: ignore[no-untyped-call]
    replies, queue = families["deskpulse_first_reply_time_seconds"], families["deskpulse_queue_age_seconds"]
    assert (replies.type, replies.unit, queue.type) == ("histogram", "seconds", "gaugehistogram")

    def buckets(family: Any, channel: str) -> dict[str, float]:
        return {s.labels["le"]: s.value for s in family.samples if s.name.endswith("_bucket") and s.labels["channel"] == channel}

    chat = buckets(replies, "chat")
    assert {le: chat[le] for le in ("60.0", "1800.0", "3600.0", "1209600.0", "+Inf")} == {
        "60.0": 3, "1800.0": 3, "3600.0": 8, "1209600.0": 8, "+Inf": 9,
    }  # fmt: skip
    assert set(chat) == set(buckets(replies, "email"))
    assert {s.name: s.value for s in replies.samples if s.labels == {"channel": "email"}} == {
        "deskpulse_first_reply_time_seconds_count": 7, "deskpulse_first_reply_time_seconds_sum": 90_000,
    }  # fmt: skip
    waiting = buckets(queue, "chat")
    assert (waiting["20.0"], waiting["60.0"], waiting["300.0"], waiting["+Inf"]) == (1, 1, 3, 3)
    assert set(buckets(queue, "email").values()) == {0}, "nobody waits: a level of 0 and not missing"
    [oldest] = families["deskpulse_queue_oldest_timestamp_seconds"].samples
    assert (oldest.labels, oldest.value) == ({"channel": "chat"}, FakeBoard().now_ms() / 1000 - 90)


async def test_a_histogram_shows_the_busiest_channels_and_says_how_many_it_lacks() -> None:
    board = FakeBoard(made=SMALL)
    board.gross.durations = [Durations(kpi="first_reply_time", channel=f"c{i:03}", counts={60_000: i}) for i in range(100)]
    text = (await scraped(board)).text
    assert 'deskpulse_first_reply_time_seconds_count{channel="c099"} 99' in text
    assert 'channel="c039"' not in text
    assert 'deskpulse_series_suppressed{family="deskpulse_first_reply_time_seconds"} 40' in text


async def test_agents_are_in_their_own_exposition_only() -> None:
    assert "agent=" not in (await scraped(FakeBoard())).text
    assert (
        'deskpulse_agent_window_first_reply_time_seconds{agent="a-1",window="24h"}' in (await scraped(FakeBoard(), "/metrics/agents")).text
    )


@pytest.mark.parametrize(
    ("kpi", "unit", "windowed", "before", "name", "own"),
    [
        pytest.param("first_reply_time", "seconds", True, "", "deskpulse_window_first_reply_time_seconds", "seconds", id="duration"),
        pytest.param("backlog_age", "seconds", False, "", "deskpulse_backlog_age_seconds", "seconds", id="duration of now"),
        pytest.param("escalation_rate", "ratio", True, "all_", "deskpulse_all_window_escalation_rate_ratio", "ratio", id="ratio, total"),
        pytest.param("active_issues", "tickets", False, "", "deskpulse_active_issues", "", id="count of now"),
        pytest.param("issues_created", "tickets", True, "", "deskpulse_window_issues_created_tickets", "tickets", id="count of a window"),
        pytest.param("nps", "score", True, "", "deskpulse_window_nps_score", "score", id="score"),
        pytest.param("csat_score", "score", True, "", "deskpulse_window_csat_score", "score", id="unit in the name"),
        pytest.param("revenue", "EUR / day", True, "", "deskpulse_window_revenue_eur_day", "eur_day", id="strange unit"),
    ],
)
def test_names_follow_one_rule(kpi: str, unit: str, windowed: bool, before: str, name: str, own: str) -> None:
    assert metrics.names(kpi, unit, windowed=windowed, before=before) == metrics.Names(name=name, unit=own)


def test_8_channels_and_50_teams_stay_below_10000_series() -> None:
    channels = [f"c{i}" for i in range(8)]
    catalogue = filled(0).catalogue()
    asked = []
    for one in metrics.exposed(catalogue):
        cuts: list[dict[str, str]] = [{}] + [
            {one.label: value} for value in (channels if one.label == "channel" else [f"t{i}" for i in range(50)])
        ] * bool(one.label)
        asked.append((one, [figure(one.kpi, window, dims, one.unit) for window in one.windows for dims in cuts]))
    families, _ = metrics.figure_families(asked)
    assert 2_000 < sum(len(family.samples) for family in families) <= 10_000


def test_parts_beyond_the_bound_are_counted() -> None:
    [one] = [one for one in metrics.exposed(FakeBoard().catalogue()) if one.kpi == "resolved_issues"]
    many = [figure(one.kpi, "1h", {"channel": f"c{i}"}, "tickets", n=i) for i in range(metrics.MOST_PARTS + 25)]
    families, suppressed = metrics.figure_families([(one, many)])
    assert suppressed == {"deskpulse_window_resolved_issues_tickets": 25}
    kept = {dict(labels)["channel"] for _, labels, _ in families[0].samples}
    assert len(kept) == metrics.MOST_PARTS
    assert "c0" not in kept


async def test_scrapes_share_what_was_computed() -> None:
    board = FakeBoard()
    async with calling(create_app(Settings(), board, environ={})) as client:
        await client.get("/metrics")
        computed = board.computed
        for _ in range(20):
            await client.get("/metrics", headers=OPENMETRICS)
    assert board.computed == computed > 0


def figure(kpi: str, window: str, dims: dict[str, str], unit: str, n: int = 5) -> Figure:
    return Figure(
        kpi=kpi,
        version=1,
        window=window,
        window_start=None,
        anchor="completed",
        clock="calendar",
        dims=dims,
        as_of="2026-11-22T12:00:00.000Z",
        watermark=None,
        value=1.5,
        unit=unit,
        n=n,
        numerator=3,
        denominator=2,
        ci_low=None,
        ci_high=None,
        quality="provisional",
    )


async def test_the_real_board_speaks_to_prometheus_too() -> None:
    for path in ("/metrics", "/metrics/agents"):
        text = (await scraped(filled(), path)).text
        promtool(text)
        openmetrics = list(parse_openmetrics((await scraped(filled(), path, **OPENMETRICS)).text))  # type: ignore[no-untyped-call]
        assert sum(len(family.samples) for family in parse_text(text)) == sum(len(family.samples) for family in openmetrics)
    assert 'deskpulse_all_window_first_reply_time_seconds{window="1h"} ' in (await scraped(filled())).text
