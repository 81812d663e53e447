"""Reads a Dockerfile of the few instructions that ours has, and what of the repository `.dockerignore` lets into the image.

Law: what it does not understand it refuses, so that a rehearsal never leaves out a step in silence.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import NamedTuple

KNOWN = frozenset(
    {"FROM", "ARG", "WORKDIR", "RUN", "COPY", "ENV", "LABEL", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
)


class Instruction(NamedTuple):
    """One instruction: its name, its `--flags` (without the dashes), and the rest of it in one line."""

    name: str
    flags: Mapping[str, str]
    text: str

    def words(self) -> list[str]:
        """The rest in words: a JSON array's entries, else as a shell would cut it."""
        return [str(word) for word in json.loads(self.text)] if self.text.startswith("[") else shlex.split(self.text)

    def pairs(self) -> dict[str, str]:
        """The rest as `name=value` words, for ENV, LABEL and ARG; an ARG without a value has ""."""
        return {name: value for name, _, value in (word.partition("=") for word in self.words())}


class Stage(NamedTuple):
    """One stage: its name ("" for the last), the image it begins from, and what happens in it."""

    name: str
    base: str
    instructions: list[Instruction]

    def all(self, name: str) -> list[Instruction]:
        """The instructions of one name, in order."""
        return [instruction for instruction in self.instructions if instruction.name == name]

    def last(self, name: str) -> Instruction:
        """The one that holds, where the last does. Raises LookupError when there is none."""
        if found := self.all(name):
            return found[-1]
        raise LookupError(f"the last stage has no {name}")


def stages(text: str, arguments: Mapping[str, str] | None = None) -> list[Stage]:
    """The stages of a Dockerfile; `arguments` go before the defaults of the ARGs at its head. Raises ValueError for what is not known."""
    given = dict(arguments or {})
    found: list[Stage] = []
    head: dict[str, str] = {}
    for instruction in _instructions(text):
        if instruction.name == "FROM":
            base, *named = instruction.words()
            found.append(Stage(named[1] if named else "", substituted(base, {**head, **given}), []))
        elif found:
            found[-1].instructions.append(instruction)
        elif instruction.name == "ARG":
            head |= instruction.pairs()
        else:
            raise ValueError(f"{instruction.name} before the first FROM")
    return found


def substituted(text: str, values: Mapping[str, str]) -> str:
    """The text with `$NAME` and `${NAME}` replaced. Raises KeyError for a name that has no value."""
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda match: values[match[1] or match[2]], text)


def _instructions(text: str) -> Iterator[Instruction]:
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    for line in filter(None, (line.strip() for line in joined.splitlines())):
        name, _, rest = line.partition(" ")
        flags = {}
        while match := re.match(r"--([\w-]+)=(\S+)\s+", rest):
            flags[match[1]] = match[2]
            rest = rest[match.end() :]
        if name not in KNOWN:
            raise ValueError(f"{name} is not known here")
        yield Instruction(name, flags, rest)


class Ignored:
    """The rules of a `.dockerignore`, of the kinds that ours has: `*`, `name`, `name/name`, `**/name`, and `!` before one.

    The last rule that fits a path, or a folder above it, decides.
    """

    def __init__(self, text: str) -> None:
        lines = [line.strip() for line in text.splitlines()]
        self._rules = [(line.lstrip("!"), not line.startswith("!")) for line in lines if line and not line.startswith("#")]

    def __contains__(self, path: PurePosixPath) -> bool:
        ignored = False
        for pattern, ignores in self._rules:
            if any(_fits(above, pattern) for above in (path, *path.parents[:-1])):
                ignored = ignores
        return ignored

    def left(self, folder: Path) -> Iterator[PurePosixPath]:
        """The files below a folder that are not ignored, relative to it; folders with only ignored ones are not looked into."""
        let_in = {PurePosixPath(pattern).parts[0] for pattern, ignores in self._rules if not ignores}
        for file in sorted(file for top in folder.iterdir() if top.name in let_in for file in (top, *top.rglob("*"))):
            path = PurePosixPath(file.relative_to(folder).as_posix())
            if file.is_file() and path not in self:
                yield path


def _fits(path: PurePosixPath, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatchcase(path.name, pattern.removeprefix("**/"))
    return len(path.parts) == len(PurePosixPath(pattern).parts) and fnmatchcase(str(path), pattern)
