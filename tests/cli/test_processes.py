"""Child processes: ready when they answer, told when they end, gone when their parent is gone."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from cli.processes import ChildFailed, Service, Supervisor
from deploy.ports import free_ports
from services.settings import ApiSettings, Settings, as_environment
from tests.conftest import REPOSITORY

SERVE = """
import http.server, sys
print('serving')
http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
ENDS = "import sys; print('no config'); sys.exit(3)"


def _python(program: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-c", program, *arguments)


def _gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def _until(claim: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 10
    while not claim():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_children_are_ready_when_they_answer_and_their_output_carries_their_name() -> None:
    [port] = free_ports(1)
    said: list[str] = []
    with Supervisor(say=said.append) as children:
        pid = children.start(Service("web", _python(SERVE, str(port)), f"http://127.0.0.1:{port}/"))
        children.wait_until_ready(deadline_seconds=20)
        assert children.is_running("web")
        child = psutil.Process(pid)
    assert _gone(child)
    assert "web        | serving" in said


def test_what_a_child_is_given_goes_before_variables_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container sets single keys; they would go before the sections that a child is given whole, its port among them."""
    for name, value in {"DESKPULSE_API__PORT": "8081", "deskpulse_api__token_env": "NOBODY", "DESKPULSE_TENANT": "kept"}.items():
        monkeypatch.setenv(name, value)
    program = "from services.settings import load_settings as s; print(s().api.port, repr(s().api.token_env), s().tenant)"
    said: list[str] = []
    given = as_environment(Settings(api=ApiSettings(port=9999)))
    del given["DESKPULSE_TENANT"]
    with Supervisor(given, say=said.append, cwd=REPOSITORY) as children:
        children.start(Service("one", _python(program)))
        _until(lambda: bool(said), "it says nothing")
    assert said == ["one        | 9999 '' kept"]


def test_a_child_that_ends_before_it_is_ready_is_told_with_its_last_lines() -> None:
    with Supervisor(say=lambda line: None) as children:
        children.start(Service("web", _python(ENDS), "http://127.0.0.1:1/"))
        with pytest.raises(ChildFailed, match=r"(?s)web ended with code 3.*no config"):
            children.wait_until_ready(deadline_seconds=20)
        assert children.ended() == {"web": 3}


def test_a_child_that_never_answers_is_told() -> None:
    with Supervisor(say=lambda line: None) as children:
        children.start(Service("deaf", _python(STUBBORN), "http://127.0.0.1:1/"))
        with pytest.raises(ChildFailed, match="deaf was not ready within"):
            children.wait_until_ready(deadline_seconds=0.2)
        children.kill("deaf")


def test_a_child_that_ignores_the_request_to_end_is_killed() -> None:
    said: list[str] = []
    children = Supervisor(say=said.append)
    child = psutil.Process(children.start(Service("deaf", _python(STUBBORN))))
    _until(lambda: bool(said), "it did not start")
    children.stop_all(deadline_seconds=0.3)
    assert _gone(child)
    assert children.ended() == {"deaf": -signal.SIGKILL}


def test_one_child_can_be_killed_and_started_again() -> None:
    with Supervisor(say=lambda line: None) as children:
        children.start(Service("one", _python(STUBBORN)))
        children.start(Service("two", _python(STUBBORN)))
        with pytest.raises(ValueError, match="runs already"):
            children.start(Service("one", _python(STUBBORN)))
        children.kill("one")
        assert (children.is_running("one"), children.is_running("two")) == (False, True)
        children.start(Service("one", _python(STUBBORN)))
        assert children.is_running("one")
        children.kill("one")
        children.kill("two")


def test_a_child_that_is_killed_by_somebody_else_is_told_and_started_again() -> None:
    said: list[str] = []
    with Supervisor(say=said.append) as children:
        first = psutil.Process(children.start(Service("deaf", _python(STUBBORN))))
        _until(lambda: len(said) == 1, "it did not start")
        first.kill()
        _until(lambda: bool(children.ended()), "it was not killed")
        children.start_again()
        assert said[1:] == ["deaf was killed by SIGKILL; it is started again in 0.5 s"]
        assert not children.is_running("deaf")

        def runs_again() -> bool:
            children.start_again()
            return children.is_running("deaf")

        _until(runs_again, "it was not started again")
        assert children.pid("deaf") != first.pid
        children.kill("deaf")
        children.start_again()
        assert not children.is_running("deaf"), "we killed it ourselves"


def test_a_child_that_cannot_start_is_not_started_again() -> None:
    with Supervisor(say=lambda line: None) as children:
        children.start(Service("web", _python(ENDS), "http://127.0.0.1:1/"))
        _until(lambda: bool(children.ended()), "it did not end")
        with pytest.raises(ChildFailed, match=r"(?s)web ended by itself with code 3.*no config") as failed:
            children.start_again()
        assert failed.value.code == 3


def test_no_child_survives_a_parent_that_is_killed() -> None:
    program = (
        "import sys, time\n"
        "from cli.processes import Service, Supervisor\n"
        f"children = Supervisor(say=lambda line: None)\n"
        f"print(children.start(Service('deaf', (sys.executable, '-c', {STUBBORN!r}))), flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=REPOSITORY, stdout=subprocess.PIPE) as parent:
        try:
            assert parent.stdout is not None
            child = psutil.Process(int(parent.stdout.readline()))
            assert not _gone(child)
            parent.kill()
            parent.wait(10)
            _until(lambda: _gone(child), "the child outlived its parent")
        finally:
            parent.kill()
