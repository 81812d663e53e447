"""How sources stand, in JSON and for Prometheus: everything that came is accounted for, what never came is shown."""

from __future__ import annotations

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from schemas.standing import Standing, added, decode_standing, encode_standing
from services.api.standings import families, is_quiet, told
from services.standings import by_source
from tests.services.api.fake_board import NOON_MS, FakeBoard

HOUR_MS = 3_600_000


def standing(**fields: object) -> Standing:
    return Standing(**{"source": "desk", "kind": "zendesk", "door": "a", "at_ms": NOON_MS, "quiet_after_ms": HOUR_MS, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("last_ms", "quiet_after_ms", "quiet"),
    [
        pytest.param(NOON_MS - 1000, HOUR_MS, False, id="just now"),
        pytest.param(NOON_MS - HOUR_MS, HOUR_MS, False, id="as long as it may"),
        pytest.param(NOON_MS - HOUR_MS - 1, HOUR_MS, True, id="longer"),
        pytest.param(None, HOUR_MS, True, id="never"),
        pytest.param(None, None, False, id="may be silent for ever"),
    ],
)
def test_quiet(last_ms: int | None, quiet_after_ms: int | None, quiet: bool) -> None:
    one = standing(last_delivery_ms=last_ms, quiet_after_ms=quiet_after_ms)
    assert is_quiet(one, NOON_MS) is quiet
    assert told(one, NOON_MS).quiet is quiet


def test_doors_of_one_source_are_summed() -> None:
    one = standing(last_delivery_ms=5, accepted=2, rejected={"bad_time": 1}, deliveries={"accepted": 2})
    other = standing(door="b", last_delivery_ms=9, accepted=3, rejected={"bad_time": 2, "not_json": 1}, deliveries={"refused": 1})
    (both,) = by_source([one, other])
    assert (both.accepted, both.last_delivery_ms) == (5, 9)
    assert both.rejected == {"bad_time": 3, "not_json": 1}
    assert both.deliveries == {"accepted": 2, "refused": 1}
    assert added(one, other).deliveries == both.deliveries


def test_a_record_comes_back_as_it_was_written() -> None:
    one = standing(last_delivery_ms=5, accepted=2, rejected={"bad_time": 1}, repeated=4, ready=False)
    assert decode_standing(encode_standing(one)) == one


async def test_the_route_tells_every_source(client: httpx.AsyncClient, board: FakeBoard) -> None:
    said = {one["source"]: one for one in (await client.get("/v1/sources")).json()}
    assert sorted(said) == ["aircall", "surveys", "zendesk"]
    assert said["aircall"]["deliveries"] == {"accepted": 700, "ignored": 0, "rejected": 3, "refused": 2}
    assert (said["aircall"]["silent_seconds"], said["aircall"]["quiet"]) == (2.0, False)
    assert (said["surveys"]["last_delivery"], said["surveys"]["ready"], said["surveys"]["quiet"]) == (None, False, True)
    assert said["zendesk"]["quiet"]


async def test_the_exposition_tells_every_source(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics", headers={"accept": "application/openmetrics-text"})
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)  # type: ignore[no-untyped-call]
        for sample in family.samples
    }
    assert samples["deskpulse_source_up", (("source", "aircall"),)] == 1
    assert samples["deskpulse_source_up", (("source", "surveys"),)] == 0
    assert samples["deskpulse_source_silence_seconds", (("source", "zendesk"),)] == 7200
    assert samples["deskpulse_source_rejected_total", (("reason", "bad_time"), ("source", "aircall"))] == 3
    assert samples["deskpulse_source_deliveries_total", (("kind", "refused"), ("source", "aircall"))] == 2


def test_a_source_that_never_came_has_no_silence() -> None:
    by_name = {family.name: family for family in families([standing()], NOON_MS)}
    assert not by_name["deskpulse_source_silence_seconds"].samples
    assert by_name["deskpulse_source_up"].samples
