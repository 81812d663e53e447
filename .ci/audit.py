"""Asks pip-audit for known weaknesses of what the services run on (requirements/runtime.lock, with its hashes) and decides.

Exit 1 when something that was looked up is vulnerable and not excused, when single packages could not be looked up, or when pip-audit
broke. Exit 0 when all is well, and with one line "not audited: …" where the database knows no package at all, as behind a package mirror
that does not carry it.

`.ci/audit_allowed.toml` excuses a weakness until a day, with the reason:

    [[allowed]]
    id = "GHSA-…"            # or one of its other names
    reason = "why it does not concern us"
    until = 2027-01-31
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
LOCK = HERE.parent / "requirements" / "runtime.lock"
ALLOWED = HERE / "audit_allowed.toml"
NOT_THERE = "Dependency not found on PyPI and could not be audited"
"""How pip-audit begins its reason where the database answers 404."""
SECONDS = 300


class Excuse(NamedTuple):
    """A weakness that is known and borne for the time being."""

    id: str
    reason: str
    until: date


class Verdict(NamedTuple):
    """The exit code and what is said."""

    code: int
    lines: list[str]


def excuses_of(text: str) -> list[Excuse]:
    """What the file of excuses says. Raises ValueError for one without id, reason or day."""
    found = []
    for entry in tomllib.loads(text).get("allowed", []):
        id, reason, until = (entry.get(name) for name in ("id", "reason", "until"))
        if not (isinstance(id, str) and id and isinstance(reason, str) and reason.strip() and type(until) is date):
            raise ValueError(f"an entry without id, reason or until (a date): {entry}")
        found.append(Excuse(id, reason, until))
    return found


def verdict(code: int, said: str, errors: str, excuses: Sequence[Excuse], today: date) -> Verdict:
    """What follows from pip-audit's exit code, its JSON and what it wrote to standard error."""
    try:
        dependencies: list[Mapping[str, Any]] = json.loads(said)["dependencies"]
        skipped = {str(row["name"]): str(row["skip_reason"]) for row in dependencies if "skip_reason" in row}
        audited = {f"{row['name']} {row['version']}": list(row["vulns"]) for row in dependencies if "skip_reason" not in row}
    except (ValueError, KeyError, TypeError):
        dependencies, skipped, audited = [], {}, {}
    if not dependencies or code not in (0, 1):
        return Verdict(1, [f"pip-audit broke (exit code {code}):", *errors.strip().splitlines()[-15:]])
    if not audited and all(reason.startswith(NOT_THERE) for reason in skipped.values()):
        return Verdict(
            0, [f"not audited: the database of weaknesses knows none of the {len(skipped)} packages; is it a mirror without it?"]
        )
    lines = [f"{name}: could not be looked up: {reason}" for name, reason in skipped.items()]
    borne: set[str] = set()
    for package, weaknesses in audited.items():
        for weakness in weaknesses:
            names = {str(weakness["id"]), *map(str, weakness.get("aliases", ()))}
            excuse = next((e for e in excuses if e.id in names and e.until >= today), None)
            if excuse is None:
                fixed = ", ".join(map(str, weakness.get("fix_versions", ()))) or "no version yet"
                lines.append(f"{package}: {', '.join(sorted(names))}; put right in {fixed}")
            else:
                borne.add(excuse.id)
    told = [f"borne until {e.until}: {e.id}, {e.reason}" for e in excuses if e.id in borne]
    told += [f"{e.id} is excused in {ALLOWED.name} but not found: take it out" for e in excuses if e.id not in borne and e.until >= today]
    if lines:
        return Verdict(1, [*lines, *told])
    if code and not borne:  # it found something that its JSON does not tell
        return Verdict(1, [f"pip-audit ended with {code}, though it tells of no weakness:", *errors.strip().splitlines()[-15:]])
    return Verdict(0, [*told, f"audited: {len(audited)} packages, no known weakness that is not excused"])


def main() -> int:
    """Run pip-audit and print the verdict; its exit code."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(LOCK), "--require-hashes", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off"]
    try:
        excuses = excuses_of(ALLOWED.read_text(encoding="utf-8")) if ALLOWED.exists() else []
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (ValueError, subprocess.TimeoutExpired) as error:
        print(f"not audited, and that is a mistake: {error}")
        return 1
    found = verdict(done.returncode, done.stdout, done.stderr, excuses, datetime.now(UTC).date())
    print("\n".join(found.lines))
    return found.code


if __name__ == "__main__":
    sys.exit(main())
