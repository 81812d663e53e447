"""`python -m deploy.render`: writes every generated file; with `--check` only says which differ (exit 1 when one does)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deploy.render.artefacts import outdated, write

REPOSITORY = Path(__file__).resolve().parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Render; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.render", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name the files that differ from their declarations")
    given = parser.parse_args(arguments)
    differing = outdated(REPOSITORY)
    if not given.check:
        write(REPOSITORY)
    for name in differing:
        print(f"{name} {'differs: run make render' if given.check else 'written'}")
    return 1 if given.check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
