"""Families of metrics as text: Prometheus 0.0.4 and OpenMetrics 1.0, from cached prefixes.

Laws: what is missing is left out, never NaN; the same families give the same bytes; a family's name carries its unit, a
counter's sample `_total` and nobody else's does. Rendering is joining strings, so that a scrape of 10,000 series does not
hold up the event loop.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec import Struct, field

Kind = Literal["gauge", "counter", "info", "histogram", "gaugehistogram", "summary"]
Labels = tuple[tuple[str, str], ...]
Sample = tuple[str, Labels, float]
"""A suffix after the family's name ("" or `_bucket`, `_sum`, `_count` …), the labels, the value."""

TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_AS_TEXT: dict[str, str] = {"info": "gauge", "gaugehistogram": "histogram"}  # 0.0.4 knows neither
_OWN_SUFFIX: dict[str, str] = {"counter": "_total", "info": "_info"}
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Family(Struct, kw_only=True):
    """One family. `name` is without `_total` and `_info`; `unit` is "" or the last word of the name."""

    name: str
    kind: Kind
    help: str
    unit: str = ""
    samples: list[Sample] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Refuses a name that one of the two formats could not carry. Raises ValueError."""
        if not _NAME.fullmatch(self.name) or self.name.endswith(("_total", "_info")):
            raise ValueError(f"{self.name!r} is no name of a family: snake_case, without the suffix of its kind")
        if self.unit and not self.name.endswith("_" + self.unit):
            raise ValueError(f"the family {self.name} does not end in its unit {self.unit}")

    def add(self, value: float | None, *, suffix: str = "", **labels: str) -> None:
        """One more sample; None and what is not a finite number are left out."""
        if value is not None and math.isfinite(value):
            self.samples.append((suffix, tuple(sorted(labels.items())), value))


class Rendered(Struct, frozen=True):
    """A family as text: its head in each format, and the lines of its samples; `text_body` where 0.0.4 has other lines."""

    text_head: str
    openmetrics_head: str
    body: str
    text_body: str | None = None


class Exposition:
    """Renders families; keeps the text before each value, which does not change from one scrape to the next."""

    def __init__(self, most_prefixes: int = 50_000) -> None:
        self._prefixes: dict[str, dict[Labels, str]] = {}
        self._most = most_prefixes
        self._kept = 0

    @property
    def prefixes_kept(self) -> int:
        """How many prefixes are held in memory."""
        return self._kept

    def body(self, family: Family) -> str:
        """The lines of a family's samples: the same in both formats."""
        if self._kept > self._most:  # label values that come and go must not stay for ever
            self._prefixes.clear()
            self._kept = 0
        base = family.name + _OWN_SUFFIX.get(family.kind, "")
        out: list[str] = []
        last, prefixes = None, dict[Labels, str]()
        for suffix, labels, value in family.samples:
            if suffix != last:
                last, prefixes = suffix, self._prefixes.setdefault(base + suffix, {})
            prefix = prefixes.get(labels)
            if prefix is None:
                prefix = prefixes[labels] = _prefix(base + suffix, labels)
                self._kept += 1
            whole = value.__class__ is float and value.is_integer() and -1e15 < value < 1e15
            out.append(f"{prefix}{int(value) if whole else value!r}\n")
        return "".join(out)

    def render(self, families: Iterable[Family | Rendered], *, openmetrics: bool = False) -> bytes:
        """The whole exposition. A family without samples is left out."""
        out: list[str] = []
        for given in families:
            rendered = given if isinstance(given, Rendered) else self.rendered(given)
            if rendered.body:
                if openmetrics:
                    out += (rendered.openmetrics_head, rendered.body)
                else:
                    out += (rendered.text_head, rendered.body if rendered.text_body is None else rendered.text_body)
        if openmetrics:
            out.append("# EOF\n")
        return "".join(out).encode()

    def rendered(self, family: Family) -> Rendered:
        """A family as text, made once for all scrapes that will read it."""
        heads = _head(family, openmetrics=False), _head(family, openmetrics=True)
        return Rendered(*heads, self.body(family), self._taken_apart(family) if family.kind == "gaugehistogram" else None)

    def _taken_apart(self, family: Family) -> str:
        """A gauge histogram as 0.0.4 can say it: buckets, and beside them a gauge of how many and one of their sum."""

        def part(suffixes: tuple[str, ...]) -> str:
            return self.body(msgspec.structs.replace(family, samples=[sample for sample in family.samples if sample[0] in suffixes]))

        out = [part(("_bucket",))]
        for suffix, what in (("_gcount", "How many there are"), ("_gsum", "The sum")):
            name = family.name + suffix
            out.append(f"# HELP {name} {what} of {family.name}.\n# TYPE {name} gauge\n{part((suffix,))}")
        return "".join(out)


def wants_openmetrics(accept: str) -> bool:
    """Whether an Accept header prefers OpenMetrics 1.0 to plain text."""
    weights = {"openmetrics": 0.0, "text": 0.0}
    for part in accept.lower().split(","):
        kind, *parameters = (p.strip() for p in part.split(";"))
        given = dict(p.split("=", 1) for p in parameters if "=" in p)
        try:
            weight = float(given.get("q", "1"))
        except ValueError:
            continue
        if kind == "application/openmetrics-text" and given.get("version", "1.0.0").strip('"').startswith(("1.", "0.0.1")):
            weights["openmetrics"] = max(weights["openmetrics"], weight)
        elif kind in ("text/plain", "text/*", "*/*"):
            weights["text"] = max(weights["text"], weight)
    return weights["openmetrics"] > 0 and weights["openmetrics"] >= weights["text"]


def _head(family: Family, openmetrics: bool) -> str:
    if openmetrics:
        text = family.help.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
        unit = f"# UNIT {family.name} {family.unit}\n" if family.unit else ""
        return f"# HELP {family.name} {text}\n# TYPE {family.name} {family.kind}\n{unit}"
    name = family.name + _OWN_SUFFIX.get(family.kind, "")
    text = family.help.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {name} {text}\n# TYPE {name} {_AS_TEXT.get(family.kind, family.kind)}\n"


def _prefix(name: str, labels: Labels) -> str:
    if not labels:
        return f"{name} "
    inner = ",".join(f'{k}="{_escaped(v)}"' for k, v in labels)
    return f"{name}{{{inner}}} "


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
