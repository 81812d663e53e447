"""Loads published events into DuckDB, runs the SQL over them, and answers for each KPI: one row for each window, anchor and cut."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from tests.oracle import intervals, spans

SQL = Path(__file__).resolve().parent / "sql"
KPI_FILES = SQL / "kpis"
TICKET = (
    "channel", "team", "queue", "priority", "issue_type", "product", "brand", "region", "language", "customer_tier", "handled_by", "agent",
)  # fmt: skip
DIMENSIONS = {
    "ticket": TICKET,
    "complaint": (*TICKET, "department"),
    "survey": (*TICKET, "survey_type", "survey_channel"),
    "sale": (
        "channel", "team", "brand", "region", "product", "job_type", "crew", "equipment", "booking_channel", "customer_tier", "agent",
    ),
    "customer": ("channel", "brand", "customer_tier", "region", "language", "product"),
}  # fmt: skip
"""The dimensions that the facts of a kind are kept by."""
_COMMENT = re.compile(r"--.*")
_MADE = re.compile(r"CREATE (?:TABLE|VIEW) (\w+)")
_WORD = re.compile(r"\w+")
ESCALATIONS = ("functional", "hierarchic", "complaint", "priority")


class Row(NamedTuple):
    """What a KPI comes to in one window, at one anchor and cut; None is not said. `value_low` … hold where buckets blur the value."""

    value: float | None = None
    n: int = 0
    numerator: float | None = None
    denominator: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    value_low: float | None = None
    value_high: float | None = None
    parts: Mapping[str, Any] = {}
    extra: Mapping[str, Any] = {}


Key = tuple[str, str, str]
"""(anchor, window, cut)."""


class Oracle:
    """The events of a company, and every KPI as a query over them."""

    def __init__(
        self,
        events: Iterable[str],
        *,
        time_zone: str = "UTC",
        pairs: Sequence[tuple[str, str]] = (),
        targets: Mapping[str, float] | None = None,
        answer_within_ms: int = 20_000,
        short_abandon_ms: int = 5_000,
        escalation_kinds: Sequence[str] = ESCALATIONS,
    ) -> None:
        self.calendar = spans.Calendar(time_zone)
        self.targets = targets or {}
        self._pending: dict[str, tuple[duckdb.Statement, str]] = {}
        self.db = duckdb.connect(config={"threads": 1, "preserve_insertion_order": "false"})
        self._functions()
        self._set("answer_within_ms", answer_within_ms)
        self._set("short_abandon_ms", short_abandon_ms)
        self._set("escalation_kinds", list(escalation_kinds))
        self.db.execute("CREATE TABLE bins AS SELECT unnest(?::BIGINT[]) AS upper_ms", [list(intervals.bins_ms())])
        self._load(events)
        for kind, names in DIMENSIONS.items():
            self.db.execute(_cuts_macro(kind, names, pairs))
        for file in sorted(SQL.glob("*.sql")):
            self._read(file)

    def close(self) -> None:
        """Let go of the database."""
        self.db.close()

    def __enter__(self) -> Oracle:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, file: Path) -> None:
        """Keep what each statement of a file makes until it is asked for; macros are made at once."""
        for statement in duckdb.extract_statements(_COMMENT.sub("", file.read_text(encoding="utf-8"))):
            made = _MADE.match(statement.query.strip())
            if made is None:
                self._run(statement, file.name)
            else:
                self._pending[made[1]] = (statement, file.name)

    def _ensure(self, text: str) -> None:
        """Make every table that a query names, and what those are made from."""
        for name in _WORD.findall(text):
            if pending := self._pending.pop(name, None):
                self._ensure(pending[0].query)
                self._run(*pending)

    def _run(self, statement: duckdb.Statement, file: str) -> None:
        try:
            self.db.execute(statement)
        except duckdb.Error as error:
            raise RuntimeError(f"{file}: {error} in: {statement.query.strip()[:300]}") from error

    def newest_ms(self) -> int:
        """The time of the newest event."""
        found = self.db.execute("SELECT coalesce(max(CAST(j->>'$.occurred_at_ms' AS BIGINT)), 0) FROM published").fetchone()
        assert found is not None
        return int(found[0])

    def edges(self, kpi: str, windows: Iterable[str], as_of_ms: int, now_ms: int) -> dict[str, tuple[int, int]]:
        """[start, end) of each window for a KPI."""
        return {name: self.calendar.window(name, as_of_ms, now_ms, finest_of(kpi)) for name in windows}

    def figures(
        self,
        kpi: str,
        windows: Iterable[str] = (),
        *,
        as_of_ms: int | None = None,
        now_ms: int,
        span: tuple[int, int] | None = None,
    ) -> dict[Key, Row]:
        """Every row of a KPI for these windows as of an instant (None: the present), or for one span, which is called `span`."""
        finest = finest_of(kpi)
        if span is not None:
            asked = {"span": self.calendar.span(*span, now_ms, finest)}
        else:
            asked = self.edges(kpi, windows, now_ms if as_of_ms is None else as_of_ms, now_ms)
        present = self.calendar.ceil(now_ms, finest)
        self.db.execute(
            "CREATE OR REPLACE TABLE asked(window_name VARCHAR, start_ms BIGINT, end_ms BIGINT, now_ms BIGINT, present BOOLEAN)"
        )
        rows = [[name, start, end, now_ms, as_of_ms is None or present <= end] for name, (start, end) in asked.items()]
        self.db.executemany("INSERT INTO asked VALUES (?, ?, ?, ?, ?)", rows)
        within = self.targets.get(kpi)
        self._set("finest_ms", spans.WIDTHS[finest])
        self._set("within_ms", None if within is None else round(within * 1000))
        return dict(self._rows(kpi))

    def _rows(self, kpi: str) -> Iterator[tuple[Key, Row]]:
        query = _COMMENT.sub("", (KPI_FILES / f"{kpi}.sql").read_text(encoding="utf-8"))
        self._ensure(query)
        try:
            result = self.db.execute(query)
        except duckdb.Error as error:
            raise RuntimeError(f"{kpi}.sql: {error}") from error
        names = [column[0] for column in result.description or ()]
        for values in result.fetchall():
            said = dict(zip(names, values, strict=True))
            key = (said.pop("anchor"), said.pop("window_name"), said.pop("cut"))
            parts = {name: part for name, part in (said.pop("parts", None) or {}).items() if part is not None}
            known = {name: said.pop(name) for name in Row._fields if name in said}
            known["n"] = int(known.get("n") or 0)
            yield key, Row(**known, parts=parts, extra=said)

    def _load(self, events: Iterable[str]) -> None:
        self.db.execute("CREATE TABLE published(j JSON)")
        batch: list[list[str]] = []
        for text in events:
            batch.append([text])
            if len(batch) == 20_000:
                self._insert(batch)
        self._insert(batch)

    def _insert(self, batch: list[list[str]]) -> None:
        if batch:
            self.db.execute("INSERT INTO published SELECT unnest(?::VARCHAR[])::JSON", [[text for (text,) in batch]])
            batch.clear()

    def _set(self, name: str, value: Any) -> None:
        literal = "NULL" if value is None else repr(value) if isinstance(value, int | str | list) else str(value)
        self.db.execute(f"SET VARIABLE {name} = {literal}")

    def _functions(self) -> None:
        big, double = "BIGINT", "DOUBLE"
        self.db.create_function("poisson_low", intervals.poisson_low, [big], double)
        self.db.create_function("poisson_high", intervals.poisson_high, [big], double)
        self.db.create_function("rank_below", intervals.rank_below, [big, double], big)


def kpi_files() -> dict[str, Path]:
    """The SQL of every KPI that has one."""
    return {file.stem: file for file in sorted(KPI_FILES.glob("*.sql"))}


def finest_of(kpi: str) -> int:
    """The finest level a KPI is read at, from the first line of its file. Raises ValueError when it does not say so."""
    with (KPI_FILES / f"{kpi}.sql").open(encoding="utf-8") as lines:
        first = lines.readline().strip()
    name = first.removeprefix("-- finest: ")
    if name == first or name not in spans.FINEST:
        raise ValueError(f"{kpi}.sql begins with a line `-- finest: {' | '.join(spans.FINEST)}`")
    return spans.FINEST[name]


def close(a: float | None, b: float | None, relative: float = 1e-9, absolute: float = 1e-9) -> bool:
    """Whether two numbers (or two times nothing) are the same."""
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=relative, abs_tol=absolute)


def _cuts_macro(kind: str, names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> str:
    """The macro that lists the cuts of a struct of attributes: the total, each dimension that was said, each pair of which both were."""
    single = [f"'{name}=' || s.{name}" for name in names]
    double = [f"'{a}=' || s.{a} || '|{b}=' || s.{b}" for a, b in pairs if a in names and b in names]
    return f"CREATE MACRO cuts_{kind}(s) AS list_filter(['', {', '.join(single + double)}], lambda cut: cut IS NOT NULL)"
