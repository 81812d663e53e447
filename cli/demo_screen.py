"""What a demonstration shows while it works: each step by name with its seconds, on standard error; figures on standard output."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from cli.demo_proof import Proof
from cli.terminal import say, show, show_json
from schemas.figures import Figure

_WINDOWS = ("24h", "now", "28d", "90d", "1h")
"""Which window of a KPI the table prints: the first of these that it has."""

Tell = Callable[[str], None]
Done = Callable[[int], None]


class Screen:
    """Steps with a spinner or a bar while they last and a line when they are done; `seconds` keeps how long each took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._console = Console(stderr=True, highlight=False)

    @contextmanager
    def step(self, name: str) -> Iterator[Tell]:
        """A step without a known length; what is yielded shows a word beside it."""
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with self._timed(name), Progress(*columns, **self._where()) as progress:
            task = progress.add_task(name, total=None)
            yield lambda text: progress.update(task, description=f"{name}: {text}")

    @contextmanager
    def counted(self, name: str, total: int | None) -> Iterator[Done]:
        """A step of so many things; what is yielded is told how many more are done."""
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(show_speed=True), TimeElapsedColumn())
        with self._timed(name), Progress(*columns, **self._where()) as progress:
            task = progress.add_task(name, total=total)
            yield lambda more: progress.advance(task, more)

    def say(self, text: str) -> None:
        """A plain word, above what moves."""
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def live(self) -> Iterator[Done]:
        """The endless part: how many have been sent, and for how long."""
        columns = (SpinnerColumn(), TextColumn("live: {task.completed:,.0f} webhooks"), TimeElapsedColumn())
        with Progress(*columns, **self._where()) as progress:
            task = progress.add_task("live", total=None)
            yield lambda more: progress.advance(task, more)

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - began, 2)
        self._console.print(f"[green]✓[/green] {name} [dim]{self.seconds[name]:.1f} s[/dim]")

    def _where(self) -> Mapping[str, Any]:
        return {"console": self._console, "transient": True, "disable": not self._console.is_terminal}


def show_proof(proof: Proof, seconds: Mapping[str, float], *, as_json: bool) -> None:
    """The table of the KPIs, and what the comparison found."""
    differing = [difference._asdict() for difference in proof.differences]
    if as_json:
        figures = msgspec.to_builtins(proof.totals)
        show_json({"events": proof.events, "compared": proof.compared, "seconds": seconds, "figures": figures, "differences": differing})
        return
    show([_row(figure) for figure in _one_each(proof.totals)], ("kpi", "window", "value", "unit", "n", "95 %", "quality"), as_json=False)
    if differing:
        columns = ("kpi", "window", "anchor", "dims", "field", "served", "computed")
        show(differing[:200], columns, as_json=False, title=f"{len(differing):,} differences (at most 200 shown)")
    else:
        say(f"{proof.compared:,} figures served, all equal to compute over the same {proof.events:,} events")


def _one_each(figures: Sequence[Figure]) -> list[Figure]:
    """For each KPI the figure of the window that tells most."""
    best: dict[str, Figure] = {}
    for figure in figures:
        there = best.get(figure.kpi)
        if there is None or _rank(figure) < _rank(there):
            best[figure.kpi] = figure
    return list(best.values())


def _rank(figure: Figure) -> int:
    return _WINDOWS.index(figure.window) if figure.window in _WINDOWS else len(_WINDOWS)


def _row(figure: Figure) -> dict[str, Any]:
    known = figure.ci_low is not None and figure.ci_high is not None
    between = f"{figure.ci_low:.4g} to {figure.ci_high:.4g}" if known else None
    return {
        "kpi": figure.kpi,
        "window": figure.window,
        "value": figure.value if figure.value is not None else figure.reason,
        "unit": figure.unit,
        "n": figure.n,
        "95 %": between,
        "quality": figure.quality,
    }
