"""Adds up what pytest reported: how many ran in each folder, what was skipped and why, and one line of totals at the end.

Exit 1 when anything failed, when a folder with tests ran none, or when something was skipped that this machine could run.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

TESTS = Path(__file__).resolve().parent.parent / "tests"
BESIDE = TESTS.parent.parent / "shared"
"""What some tests read when it lies beside the repository."""


def main(reports: list[str]) -> int:
    """Print the totals of these reports; the exit code."""
    outcomes: Counter[str] = Counter()
    ran: Counter[str] = Counter()
    inexcusable: list[str] = []
    for report in reports:
        for case in ElementTree.parse(report).iter("testcase"):
            outcome = _outcome(case)
            outcomes[outcome] += 1
            if outcome == "skipped":
                reason = (case.find("skipped").get("message") or "no reason given").strip()  # type: ignore[union-attr]
                if not _is_excused(reason):
                    inexcusable.append(f"{case.get('classname')}::{case.get('name')}: {reason}")
            else:
                ran[".".join((case.get("classname") or "").split(".")[:2])] += 1
    for folder, count in sorted(ran.items()):
        print(f"  {count:6} ran in {folder}")
    idle = [name for name in _suites(bool([r for r in reports if r.endswith("real.xml")])) if not any(f.startswith(name) for f in ran)]
    for name in idle:
        print(f"  nothing ran in {name}, which has tests")
    for line in inexcusable:
        print(f"  skipped, but should run here: {line}")
    print(f"{outcomes['passed']} passed, {outcomes['failed']} failed, {outcomes['skipped']} skipped")
    return 1 if not outcomes["passed"] or outcomes["failed"] or idle or inexcusable else 0


def _outcome(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def _is_excused(reason: str) -> bool:
    """Whether this machine need not be able to run what was skipped for that reason."""
    return reason.startswith("Docker") or ("beside the repository" in reason and not BESIDE.is_dir())


def _suites(real: bool) -> list[str]:
    folders = [folder.name for folder in sorted(TESTS.iterdir()) if folder.is_dir() and any(folder.rglob("test_*.py"))]
    return [f"tests.{name}" for name in folders if real or name != "real"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
