"""Generated YAML reads back as what it was made of, and looks as if it had been written."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from deploy.render.yaml_text import document

AWKWARD = [
    "",
    " ",
    "a: b",
    "# c",
    "a #b",
    "- a",
    "on",
    "NO",
    "null",
    "~",
    "1m",
    "0x1f",
    "1e3",
    "1:30",
    "=",
    "x:",
    "'",
    '"',
    "\"'",
    "\\",
    "{{ $labels.x }}",
]
BLOCKS = [
    "a\nb",
    "a\n\nb\n",
    "a\nb\n\n",
    " a\nb",
    "\n",
    "a\tb\nc",
    "a \nb",
    "x:\n  y",
    "\u202egnp\nx",
    "a\r\nb",
    "\x85",
    "\ufeff",
    "\U00010000",
]
LEAVES = st.text(max_size=12) | st.integers() | st.booleans() | st.none() | st.sampled_from([*AWKWARD, *BLOCKS])
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=12
)


@given(st.dictionaries(st.text(max_size=5), VALUES, min_size=1, max_size=4))
@example({"expr": 'up{job="a"} == 0', "texts": [*AWKWARD, *BLOCKS]})
def test_it_reads_back_as_what_it_was_made_of(value: dict[str, Any]) -> None:
    assert yaml.safe_load(document(value, heading="made by hand\nof two lines")) == value


def test_it_looks_as_if_it_had_been_written() -> None:
    rule = {
        "alert": "Slow",
        "expr": 'max(x{a="b"})\n  > 3',
        "for": "5m",
        "labels": {"severity": "info"},
        "said": 'it\'s "slow"',
        "left": [],
    }
    assert document({"groups": [{"name": "one", "rules": [rule]}]}, heading="Made.") == (
        "# Made.\n"
        "groups:\n"
        "  - name: one\n"
        "    rules:\n"
        "      - alert: Slow\n"
        "        expr: |-\n"
        '          max(x{a="b"})\n'
        "            > 3\n"
        "        for: 5m\n"
        "        labels:\n"
        "          severity: info\n"
        "        said: 'it''s \"slow\"'\n"
        "        left: []\n"
    )


def test_what_has_no_place_is_refused() -> None:
    with pytest.raises(TypeError, match="set has no place"):
        document({"a": {1, 2}})
