"""The exposition as text: names, escapes, kinds, negotiation."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from services.api.exposition import Exposition, Family, wants_openmetrics


def gauge(value: float | None, **labels: str) -> Family:
    family = Family(name="deskpulse_wait_seconds", kind="gauge", unit="seconds", help="How long.")
    family.add(value, **labels)
    return family


@given(st.text(), st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**17), 10**17))
def test_any_label_and_value_comes_back_from_both_parsers(label: str, value: float) -> None:
    family = gauge(value, team=label)
    for openmetrics, parse in ((False, parse_text), (True, parse_openmetrics)):
        text = Exposition().render([family], openmetrics=openmetrics).decode()
        [sample] = [sample for parsed in parse(text) for sample in parsed.samples]
        assert sample.labels == {"team": label}
        assert float(sample.value) == float(value)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf], ids=str)
def test_what_is_no_number_is_left_out_and_with_it_an_empty_family(value: float | None) -> None:
    assert Exposition().render([gauge(value)]) == b""
    assert Exposition().render([gauge(value)], openmetrics=True) == b"# EOF\n"


def test_kinds_in_both_formats() -> None:
    counter = Family(name="deskpulse_events", kind="counter", help='Events, "gross"\\.')
    counter.add(3, kind="a\n")
    info = Family(name="deskpulse_build", kind="info", help="Which.")
    info.add(1, version="1")
    ages = Family(name="deskpulse_age_seconds", kind="gaugehistogram", unit="seconds", help="Ages.")
    ages.add(1, suffix="_bucket", le="60.0")
    ages.add(2, suffix="_bucket", le="+Inf")
    ages.add(2, suffix="_gcount")
    ages.add(70.5, suffix="_gsum")
    text = Exposition().render([counter, info, ages]).decode()
    assert text == (
        '# HELP deskpulse_events_total Events, "gross"\\\\.\n# TYPE deskpulse_events_total counter\ndeskpulse_events_total{kind="a\\n"} 3\n'
        '# HELP deskpulse_build_info Which.\n# TYPE deskpulse_build_info gauge\ndeskpulse_build_info{version="1"} 1\n'
        "# HELP deskpulse_age_seconds Ages.\n# TYPE deskpulse_age_seconds histogram\n"
        'deskpulse_age_seconds_bucket{le="60.0"} 1\ndeskpulse_age_seconds_bucket{le="+Inf"} 2\n'
        "# HELP deskpulse_age_seconds_gcount How many there are of deskpulse_age_seconds.\n# TYPE deskpulse_age_seconds_gcount gauge\n"
        "deskpulse_age_seconds_gcount 2\n"
        "# HELP deskpulse_age_seconds_gsum The sum of deskpulse_age_seconds.\n# TYPE deskpulse_age_seconds_gsum gauge\n"
        "deskpulse_age_seconds_gsum 70.5\n"
    )
    families = {f.name: f for f in parse_openmetrics(Exposition().render([counter, info, ages], openmetrics=True).decode())}  # type: ignore[no-untyped-call]
    assert {name: family.type for name, family in families.items()} == {
        "deskpulse_events": "counter",
        "deskpulse_build": "info",
        "deskpulse_age_seconds": "gaugehistogram",
    }
    assert families["deskpulse_age_seconds"].unit == "seconds"


def test_a_histogram_comes_back_from_both_parsers() -> None:
    waits = Family(name="deskpulse_wait_seconds", kind="histogram", unit="seconds", help="Waits.")
    for le, count in (("60.0", 1), ("+Inf", 3)):
        waits.add(count, suffix="_bucket", le=le)
    waits.add(3, suffix="_count")
    waits.add(99, suffix="_sum")
    for openmetrics, parse in ((False, parse_text), (True, parse_openmetrics)):
        [family] = parse(Exposition().render([waits], openmetrics=openmetrics).decode())
        assert (family.type, len(family.samples)) == ("histogram", 4)


@pytest.mark.parametrize(
    ("name", "unit"), [("deskpulse_x_total", ""), ("deskpulse_x_info", ""), ("Deskpulse", ""), ("a-b", ""), ("deskpulse_wait", "seconds")]
)
def test_a_name_that_a_format_cannot_carry_is_refused(name: str, unit: str) -> None:
    with pytest.raises(ValueError, match=r"family|name"):
        Family(name=name, kind="counter", help="", unit=unit)


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        pytest.param("", False, id="nothing said"),
        pytest.param("*/*", False, id="anything"),
        pytest.param("text/plain;version=0.0.4", False, id="text"),
        pytest.param("application/openmetrics-text;version=1.0.0", True, id="openmetrics"),
        pytest.param("application/openmetrics-text; version=2.0.0", False, id="a version we do not speak"),
        pytest.param("application/openmetrics-text; version=1.0.0; q=0", False, id="refused by weight"),
        pytest.param(
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1", True, id="Prometheus 2.42"
        ),
        pytest.param("application/openmetrics-text;version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.5", False, id="text preferred"),
        pytest.param("application/openmetrics-text;q=much,text/html", False, id="a weight that is none"),
    ],
)
def test_the_format_is_the_one_preferred(accept: str, openmetrics: bool) -> None:
    assert wants_openmetrics(accept) is openmetrics


def test_prefixes_of_labels_that_come_and_go_do_not_stay_for_ever() -> None:
    exposition = Exposition(most_prefixes=100)
    for turn in range(50):
        family = Family(name="deskpulse_x", kind="gauge", help="X.")
        for i in range(20):
            family.add(1, team=f"{turn}-{i}")
        assert exposition.render([family]).count(b"\ndeskpulse_x{") == 20
    assert exposition.prefixes_kept <= 120
