"""The jars of Apache Kafka: resolved once, kept in a cache outside the repository, held to the committed checksums.

Laws: nothing runs whose SHA-256 is not in `jars.lock`; with a full cache nothing is asked of the network; several processes
may ask for the jars at once and only one of them fetches.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

KAFKA_VERSION = "4.1.0"
COORDINATES = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
LOGGING_COORDINATES = "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3"
"""The binding without which the broker would log nothing at all: of the log4j version that the broker brings."""

LOCK_FILE = Path(__file__).with_name("jars.lock")
_TRIES = 3

Resolve = Callable[[Path], list[Path]]


class JarsUnavailable(RuntimeError):
    """The jars cannot be had, or are not the ones of the lock; the message says what to do."""


def cache_dir() -> Path:
    """Where the jars are kept: below XDG_CACHE_HOME, else ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "deskpulse" / f"kafka-{KAFKA_VERSION}"


def read_lock(lock_file: Path = LOCK_FILE) -> dict[str, str]:
    """File name of each jar -> its SHA-256 in hexadecimal."""
    lines = (line.split() for line in lock_file.read_text(encoding="ascii").splitlines() if line and not line.startswith("#"))
    return {name: digest for digest, name in lines}


def write_lock(jars: list[Path], lock_file: Path = LOCK_FILE) -> None:
    """Pin exactly these jars: how the lock is renewed when Kafka's version changes."""
    lines = sorted(f"{sha256(jar)}  {jar.name}" for jar in jars)
    lock_file.write_text(
        f"# {COORDINATES} {LOGGING_COORDINATES}\n" + "\n".join(sorted(lines, key=lambda line: line.split()[1])) + "\n", encoding="ascii"
    )


def ensure_jars(
    say: Callable[[str], None],
    *,
    cache: Path | None = None,
    lock: Mapping[str, str] | None = None,
    resolve: Resolve | None = None,
    pause_seconds: float = 1.0,
) -> list[Path]:
    """The jars of the lock, from the cache or resolved now.

    `resolve` fetches the jars into a folder and returns their paths (None: from Maven Central by jgo); between its tries
    lie `pause_seconds`, then twice that.
    Raises JarsUnavailable when the network fails three times or a jar is not the one of the lock.
    """
    cache = cache_dir() if cache is None else cache
    lock = read_lock() if lock is None else lock
    if not wrong_jars(cache, lock):
        return [cache / name for name in lock]
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(cache):
        wrong = wrong_jars(cache, lock)  # again: whoever held the lock may have fetched them
        if wrong:
            say(f"fetching Apache Kafka {KAFKA_VERSION} ({len(lock)} jars, once, about 43 MB)")
            _fetch(cache, lock, resolve or resolve_from_maven, say, pause_seconds)
    return [cache / name for name in lock]


def wrong_jars(cache: Path, lock: Mapping[str, str]) -> list[str]:
    """The names of the jars of the lock that are missing or are not what the lock says."""
    return [name for name, digest in lock.items() if not (cache / name).is_file() or sha256(cache / name) != digest]


def sha256(file: Path) -> str:
    """The SHA-256 of a file in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _fetch(cache: Path, lock: Mapping[str, str], resolve: Resolve, say: Callable[[str], None], pause_seconds: float) -> None:
    with tempfile.TemporaryDirectory(dir=cache, prefix="fetch-") as folder:
        resolved = {jar.name: jar for jar in _resolve_patiently(Path(folder), resolve, say, pause_seconds)}
        for name, digest in lock.items():
            jar = resolved.get(name)
            if jar is None:
                raise JarsUnavailable(f"{name} is in {LOCK_FILE.name} and was not resolved from {COORDINATES}: renew the lock")
            if sha256(jar) != digest:
                raise JarsUnavailable(
                    f"{name} is not the file that {LOCK_FILE.name} pins (its SHA-256 differs), so it is not run. If a proxy or a mirror "
                    f"changed it, go around it; otherwise delete {cache} and start again"
                )
            staged = Path(folder) / f"{name}.staged"
            shutil.copyfile(jar, staged)
            staged.replace(cache / name)


def _resolve_patiently(folder: Path, resolve: Resolve, say: Callable[[str], None], pause_seconds: float) -> list[Path]:
    for turn in range(1, _TRIES + 1):
        try:
            return resolve(folder / str(turn))
        except Exception as error:  # whatever the resolver raises: it has no error class of its own for the network
            if turn == _TRIES:
                raise JarsUnavailable(
                    f"Apache Kafka's jars could not be fetched from Maven Central ({_short(error)}). Look at the network or the proxy and "
                    f"start again, or set kafka.bootstrap to a broker that runs elsewhere"
                ) from error
            say(f"fetching the jars failed ({_short(error)}); trying again")
            time.sleep(turn * pause_seconds)
    raise AssertionError("unreachable")


def _short(error: Exception) -> str:
    return (f"{type(error).__name__}: {error}".splitlines() or [""])[0][:200]


def resolve_from_maven(folder: Path) -> list[Path]:
    """Fetch the jars into a folder, whatever the lock says."""
    try:
        import jgo  # here, since only the first start on a machine needs it
    except ImportError as error:
        raise JarsUnavailable("the embedded Kafka needs the extra `embedded`: pip install 'deskpulse[embedded]'") from error
    broker = [Path(jar) for jar in jgo.build(COORDINATES, cache_dir=folder / "broker").all_jars]
    # On its own, and only its own jar: resolved together, the binding's test dependencies would decide the version of kafka-clients.
    binding = [Path(jar) for jar in jgo.build(LOGGING_COORDINATES, cache_dir=folder / "logging").all_jars]
    return broker + [jar for jar in binding if jar.name.startswith("log4j-slf4j-impl-")]


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    with (cache / ".fetching").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
