"""What a page, a style or a script would fetch from, or lead to: every address in it that is on another origin."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

NAMESPACES = frozenset({"http://www.w3.org/2000/svg"})
"""Names in the form of an address; nothing is ever fetched from them."""
_ADDRESS = re.compile(r"""(?:\b[a-z][a-z0-9+.-]*:)?//[^\s"'`<>)\\]+""", re.IGNORECASE)
_STYLED = re.compile(r"""(?:url\(|@import)\s*["']?([^"')\s;]+)""", re.IGNORECASE)
_STRING = re.compile(r""""((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`""")


class _Attributes(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in = tag
        for name, value in attrs:
            self.found += _ADDRESS.findall(value or "")
            if name == "style":
                self.found += _STYLED.findall(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in == "style":
            self.found += _STYLED.findall(data)
        elif self._in == "script":
            self.found += of_script(data)


def of_script(text: str) -> list[str]:
    """Addresses in the strings of a script; what stands in its comments is read by nobody."""
    return [address for groups in _STRING.findall(text) for address in _ADDRESS.findall("".join(groups))]


def elsewhere(text: str, media_type: str) -> list[str]:
    """Every address on another origin; our own stand without an origin."""
    kind = media_type.partition(";")[0].strip()
    if kind in ("text/html", "image/svg+xml"):
        parser = _Attributes()
        parser.feed(text)
        found = parser.found
    elif kind == "text/css":
        found = _STYLED.findall(text)
    elif kind == "text/javascript":
        found = of_script(text)
    else:
        raise ValueError(f"nobody said how {kind} is to be read")
    return sorted({address for address in found if urlsplit(address).netloc and address not in NAMESPACES})
