"""What stands in a page: its code blocks and its links."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conftest import REPOSITORY

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ANY_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a language in a page, named by its path from the repository's root."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    return [code for said, code in _BLOCK.findall(text) if said == language]


def links(page: Path) -> list[str]:
    """The targets of all links and pictures of a page that lie in the repository, anchors left out."""
    targets = [target.partition("#")[0] for target in _LINK.findall(page.read_text(encoding="utf-8"))]
    return [target for target in targets if target and "://" not in target]


def every_page() -> list[Path]:
    """README, CHANGELOG and all of docs/."""
    return [REPOSITORY / "README.md", REPOSITORY / "CHANGELOG.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]


def links_with_anchors(page: Path) -> list[tuple[str, str]]:
    """The links of a page that stay in the repository, as (file, anchor); "" is the page itself, or the top of a page."""
    targets = [target.partition("#") for target in _LINK.findall(page.read_text(encoding="utf-8"))]
    return [(file, anchor) for file, _, anchor in targets if "://" not in file and not file.startswith("mailto:")]


def anchors(page: Path) -> set[str]:
    """What a link may name after `#`: every heading as a browser of repositories makes it, and every explicit `<a id>`."""
    text = _ANY_BLOCK.sub("", page.read_text(encoding="utf-8"))
    headings = [re.sub(r"<[^>]+>|[`*]", "", title).strip().lower() for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in headings} | set(re.findall(r'<a id="([^"]+)"', text))
