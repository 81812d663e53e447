"""Pins the broker's jars anew: resolves them and writes `jars.lock` (`make jars`, after a change of Kafka's version)."""

from __future__ import annotations

import tempfile
from pathlib import Path

from deploy.kafka.jars import LOCK_FILE, read_lock, resolve_from_maven, write_lock


def main() -> None:
    """Resolve, write the lock, say how many jars it pins."""
    with tempfile.TemporaryDirectory() as folder:
        write_lock(resolve_from_maven(Path(folder)))
    print(f"{LOCK_FILE.name} pins {len(read_lock())} jars")


if __name__ == "__main__":
    main()
