"""Markdown as the pages need it: tables, code and the line that says a file is generated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def head(title: str, declared_in: str) -> list[str]:
    """The first lines of a generated page."""
    return [f"<!-- Written by `make render` from {declared_in}: change it there. -->", "", f"# {title}", ""]


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table and the blank line after it; a pipe in a cell is escaped."""
    lines = [_row(columns), _row(["---"] * len(columns))]
    lines += [_row([cell.replace("|", "\\|") for cell in row]) for row in rows]
    return [*lines, ""]


def code(texts: Iterable[str]) -> str:
    """Each text as code, with commas between; a dash when there is none."""
    return ", ".join(f"`{text}`" for text in texts) or "–"


def sentence(text: str) -> str:
    """The text with a capital at its beginning (unless that is a name with a dot in it) and a full stop at its end."""
    begins = text[:1] if "." in text.split(" ")[0].rstrip(".") else text[:1].upper()
    return begins + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def joined(lines: Iterable[str]) -> str:
    """A page: its lines, ending in one line break."""
    return "\n".join(lines).rstrip("\n") + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
