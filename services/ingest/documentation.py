"""`/docs`: the OpenAPI document as a page, made here.

Laws: the page loads nothing, from here or from elsewhere, and runs no script; every text of the document stands in it as text.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; }
body { max-width: 60em; margin: 2em auto; padding: 0 1em; font: 16px/1.5 system-ui, sans-serif; }
h2 { font-size: 1.05em; margin-top: 2em; }
h2, code, td:first-child { font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
table { border-collapse: collapse; width: 100%; margin: .5em 0; }
td { border-top: 1px solid #8886; padding: .3em 1em .3em 0; vertical-align: top; }
td:first-child { white-space: nowrap; }
"""
PAGE_POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of the page: its own style, known by its hash, and nothing else."""
_MARKED = re.compile(r"`([^`]+)`")


def page(document: dict[str, Any]) -> str:
    """The page of an OpenAPI document."""
    info = document["info"]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{escape(info["title"])}</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head><body>\n'
        f"<h1>{escape(info['title'])}</h1>{_text(info.get('description', ''))}"
        '<p>Machine-readable: <a href="/openapi.json">/openapi.json</a>.</p>\n' + "\n".join(_operations(document)) + "\n</body></html>\n"
    )


def _operations(document: dict[str, Any]) -> Iterator[str]:
    for path, item in document["paths"].items():
        shared = item.get("parameters", [])
        for method, operation in item.items():
            if method == "parameters":
                continue
            rows = [(one["name"], one.get("description", "")) for one in (*shared, *operation.get("parameters", ()))]
            bodies = [(kind, _said(of)) for kind, of in operation.get("requestBody", {}).get("content", {}).items()]
            answers = [(status, of.get("description", "")) for status, of in operation.get("responses", {}).items()]
            yield (
                f"<h2>{escape(method.upper())} {escape(path)}</h2><p>{escape(operation.get('summary', ''))}</p>"
                f"{_folded('Who', operation.get('description', ''))}{_table('Parameters', rows)}{_table('Bodies', bodies)}"
                f"{_table('Answers', answers)}"
            )


def _said(content: dict[str, Any]) -> str:
    said: str = content.get("schema", {}).get("description", "")
    return said


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><td>{escape(name)}</td><td>{_marked(about)}</td></tr>" for name, about in rows)
    return f"<details><summary>{title}</summary><table>{cells}</table></details>" if rows else ""


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>{_text(text)}</details>" if "\n" in text else _text(text)


def _text(text: str) -> str:
    """Paragraphs, and lines that begin with an asterisk as a list."""
    parts: list[str] = []
    for line in filter(None, text.split("\n")):
        item = line.startswith("* ")
        inner = _marked(line.removeprefix("* "))
        if item and parts and parts[-1].endswith("</ul>"):
            parts[-1] = parts[-1].removesuffix("</ul>") + f"<li>{inner}</li></ul>"
        else:
            parts.append(f"<ul><li>{inner}</li></ul>" if item else f"<p>{inner}</p>")
    return "".join(parts)


def _marked(text: str) -> str:
    return _MARKED.sub(r"<code>\1</code>", escape(text))
