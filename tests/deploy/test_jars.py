"""The jars of the broker: pinned, cached, fetched by one process only."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from deploy.kafka.jars import JarsUnavailable, ensure_jars, read_lock, write_lock

CONTENT = {"a.jar": b"first", "b.jar": b"second"}
LOCK = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}


class Repository:
    """A place the jars come from, which can fail so many times or hold something else."""

    def __init__(self, failures: int = 0, content: dict[str, bytes] = CONTENT) -> None:
        self.failures = failures
        self.content = content
        self.asked = 0

    def resolve(self, folder: Path) -> list[Path]:
        self.asked += 1
        if self.asked <= self.failures:
            raise ConnectionError("no route")
        folder.mkdir(parents=True)
        for name, content in self.content.items():
            (folder / name).write_bytes(content)
        return [folder / name for name in self.content]


def test_the_committed_lock_pins_the_broker_and_every_jar_by_sha256() -> None:
    lock = read_lock()
    assert "kafka_2.13-4.1.0.jar" in lock
    assert "kafka-clients-4.1.0.jar" in lock
    assert len(lock) == 46
    assert all(len(digest) == 64 for digest in lock.values())


def test_jars_are_fetched_once_and_then_never_asked_for_again(tmp_path: Path) -> None:
    repository = Repository()
    said: list[str] = []
    first = ensure_jars(said.append, cache=tmp_path, lock=LOCK, resolve=repository.resolve)
    second = ensure_jars(said.append, cache=tmp_path, lock=LOCK, resolve=repository.resolve)
    assert [jar.read_bytes() for jar in first] == list(CONTENT.values())
    assert second == first
    assert repository.asked == 1
    assert len(said) == 1


def test_a_jar_that_changed_on_disk_is_fetched_again(tmp_path: Path) -> None:
    repository = Repository()
    ensure_jars(lambda text: None, cache=tmp_path, lock=LOCK, resolve=repository.resolve)
    (tmp_path / "b.jar").write_bytes(b"rotten")
    ensure_jars(lambda text: None, cache=tmp_path, lock=LOCK, resolve=repository.resolve)
    assert (tmp_path / "b.jar").read_bytes() == b"second"
    assert repository.asked == 2


def test_a_network_that_fails_is_tried_again_with_a_word(tmp_path: Path) -> None:
    said: list[str] = []
    ensure_jars(said.append, cache=tmp_path, lock=LOCK, resolve=Repository(failures=1).resolve, pause_seconds=0)
    assert any("no route" in text and "again" in text for text in said)


@pytest.mark.parametrize(
    ("repository", "says"),
    [
        pytest.param(Repository(failures=99), "could not be fetched", id="no network"),
        pytest.param(Repository(content={**CONTENT, "b.jar": b"evil"}), "SHA-256 differs", id="other content"),
        pytest.param(Repository(content={"a.jar": b"first"}), "renew the lock", id="one is missing"),
    ],
)
def test_what_is_not_pinned_never_reaches_the_cache(tmp_path: Path, repository: Repository, says: str) -> None:
    with pytest.raises(JarsUnavailable, match=says):
        ensure_jars(lambda text: None, cache=tmp_path, lock=LOCK, resolve=repository.resolve, pause_seconds=0)
    assert not (tmp_path / "b.jar").exists()


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    jars = Repository().resolve(tmp_path / "jars")
    write_lock(jars, tmp_path / "jars.lock")
    assert read_lock(tmp_path / "jars.lock") == LOCK
