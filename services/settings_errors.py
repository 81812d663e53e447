"""What is wrong with a configuration, in words that say file, key, what was found, what was expected and the nearest name.

Law: whatever stands where a secret could stand is never repeated in a message.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

_SECRET = re.compile(r"secret|token|password|_env$", re.IGNORECASE)


class Problem(NamedTuple):
    """One thing that is wrong: `where` is a file or a variable, `key` the dotted name in it ("" = the whole)."""

    where: str
    key: str
    found: str
    expected: str
    nearest: str | None = None

    def __str__(self) -> str:
        """One line for a terminal."""
        place = f"{self.where}: {self.key}" if self.key else self.where
        hint = f" Did you mean {self.nearest}?" if self.nearest else ""
        return f"{place}: found {self.found}; expected {self.expected}.{hint}"


class ConfigError(ValueError):
    """The configuration cannot be used; `problems` holds at least one reason. The command line answers with exit code 2."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def problems_of(error: ValidationError, model: type[BaseModel], file: str, from_environ: Mapping[str, Any]) -> list[Problem]:
    """One Problem for each finding of pydantic, placed in the file or the variable that it came from."""
    found = []
    for item in error.errors(include_url=False):
        path = tuple(str(part) for part in item["loc"] if part != "[key]")
        where = _variable(path) if _reaches(from_environ, path) else file
        if item["type"] == "extra_forbidden":
            known = known_names(model, path[:-1])
            near = difflib.get_close_matches(path[-1], known, 1, 0.5)
            found.append(Problem(where, ".".join(path), "an unknown key", "one of " + ", ".join(known), near[0] if near else None))
        else:
            found.append(Problem(where, ".".join(path), _shown(path, item["input"], item["type"]), _expected(item["msg"])))
    return found


def known_names(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    """The keys that may stand under `path` (field names and, below a dict, any name), in the order of their declaration."""
    here: Any = model
    for part in path:
        if isinstance(here, type) and issubclass(here, BaseModel):
            field = here.model_fields.get(part)
            here = None if field is None else field.annotation
        else:  # one step into a dict[str, Section]: the section is the last argument
            here = (get_args(here) or (None,))[-1]
    return list(here.model_fields) if isinstance(here, type) and issubclass(here, BaseModel) else []


def _shown(path: tuple[str, ...], value: Any, kind: str) -> str:
    if kind == "missing":
        return "nothing"
    if any(_SECRET.search(part) for part in path):
        return f"{type(value).__name__} (not shown, it may be a secret)"
    text = repr(value) if not isinstance(value, Mapping) else "a table"
    return text if len(text) <= 80 else f"{text[:77]}…"


def _expected(message: str) -> str:
    message = message.removeprefix("Value error, ")
    message = re.sub(r"^(Input|String) should (be )?(?=a |an |)", "", message)
    message = message.replace("match pattern", "text of the form")
    return {"Field required": "this key, which has no default"}.get(message, message)


def _reaches(given: Any, path: tuple[str, ...]) -> bool:
    for part in path:
        if not isinstance(given, Mapping):
            return True
        lowered = {str(key).lower(): value for key, value in given.items()}
        if part.lower() not in lowered:
            return False
        given = lowered[part.lower()]
    return bool(path)


def _variable(path: tuple[str, ...]) -> str:
    return "DESKPULSE_" + "__".join(part.upper() for part in path)
