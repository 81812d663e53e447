"""What every command prints with: tables or JSON on standard output, words about the work on standard error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def say(text: str) -> None:
    """A plain word about what is going on."""
    Console(stderr=True).print(text, highlight=False, markup=False, soft_wrap=True)


def show(rows: Sequence[Mapping[str, Any]], columns: Iterable[str], *, as_json: bool, title: str | None = None) -> None:
    """Rows as a table of these columns, or whole as JSON."""
    if as_json:
        show_json(list(rows))
        return
    stdout().print(table(rows, columns, title))


def stdout() -> Console:
    """Where results go; a pipe has no width of its own, so that lines are not broken for the next program."""
    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=240)


def show_json(value: Any) -> None:
    """A value as JSON on standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def table(rows: Sequence[Mapping[str, Any]], columns: Iterable[str], title: str | None = None) -> Table:
    """A rich table; None is shown as a dash, numbers to the right."""
    names = list(columns)
    out = Table(title=title, title_justify="left", header_style="bold", show_edge=False, pad_edge=False)
    for name in names:
        numeric = any(isinstance(row.get(name), int | float) and not isinstance(row.get(name), bool) for row in rows)
        out.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        out.add_row(*(_text(row.get(name)) for name in names))
    return out


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:.1f}"
    return str(value)
