"""`deskpulse demo` as a newcomer meets it: values at once, nearly all of them move, an incident is explained, and Ctrl-C leaves nothing."""

from __future__ import annotations

import signal
import time
from typing import Any

import httpx
import psutil
import pytest

from cli.company import incident
from deploy.ports import free_ports
from tests.cli.running import Terminal, running

START_SECONDS = 90
"""From the command to a value of every KPI: a minute on a machine that does nothing else."""
MOVING_SECONDS = 60
MOVING_SHARE = 0.9
"""How many KPIs must have moved within that time: a rare thing (a long cohort, an escalation) may rest for a minute."""
EVENTS = 25_000
"""Half of the usual history: enough to know what is usual, and posted in half the time."""
FOUND_SECONDS = 90
"""From a current board to the incident: 20 s of calm, then about half a minute."""

Shown = dict[tuple[str, str], tuple[Any, ...]]
"""Value and parts of each KPI and window."""


@pytest.mark.broker
def test_every_kpi_is_on_the_board_and_moves_and_ctrl_c_leaves_no_process() -> None:
    [port] = free_ports(1)
    began = time.monotonic()
    with running("demo", "--port", str(port), environment={}) as terminal:
        terminal.until(f"the wall board: http://127.0.0.1:{port}/")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            kpis = {entry["id"] for entry in client.get("/v1/kpis").json()["kpis"]}
            first = _until_all_have_values(client, kpis, began + START_SECONDS)
            print(f"a value of every KPI after {time.monotonic() - began:.0f} s")
            assert "<title>" in client.get("/").text
            _until_most_moved(client, first, kpis)
        _ended_by_ctrl_c(terminal)


@pytest.mark.broker
def test_the_planted_incident_is_the_only_one_and_its_cause_is_named() -> None:
    [port] = free_ports(1)
    began = time.monotonic()
    with running("demo", "--incident", "--events", str(EVENTS), "--port", str(port), environment={}) as terminal:
        terminal.until(f"the wall board: http://127.0.0.1:{port}/")
        print(f"a current board after {time.monotonic() - began:.0f} s")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            [spike] = _until_unusual(client, time.monotonic() + FOUND_SECONDS)
        assert spike["kpi"] == incident.KPI
        assert spike["causes"][0]["dims"] == {"channel": incident.CHANNEL, "team": incident.TEAM}
        assert spike["causes"][0]["observed"] > 2 * spike["usual_high"]
        assert f"{incident.ESCALATIONS} escalations from chat × billing" in terminal.until("planted at")
        _ended_by_ctrl_c(terminal)


def _until_unusual(client: httpx.Client, deadline: float) -> list[dict[str, Any]]:
    while True:
        spikes: list[dict[str, Any]] = client.get("/v1/spikes").raise_for_status().json()["spikes"]
        if spikes:
            return spikes
        assert time.monotonic() < deadline, "nothing was found"
        time.sleep(0.5)


def _until_all_have_values(client: httpx.Client, kpis: set[str], deadline: float) -> Shown:
    while True:
        shown = _shown(client)
        silent = kpis - {kpi for (kpi, _), (value, _) in shown.items() if value is not None}
        if not silent:
            return shown
        assert time.monotonic() < deadline, f"no value yet of {sorted(silent)}"
        time.sleep(0.5)


def _until_most_moved(client: httpx.Client, first: Shown, kpis: set[str]) -> None:
    deadline = time.monotonic() + MOVING_SECONDS
    moved: set[str] = set()
    while len(moved) < MOVING_SHARE * len(kpis):
        assert time.monotonic() < deadline, f"these never moved: {sorted(kpis - moved)}"
        time.sleep(0.5)
        moved |= {kpi for (kpi, window), now in _shown(client).items() if now != first.get((kpi, window))}
    print(f"after {MOVING_SECONDS - (deadline - time.monotonic()):.0f} s {len(moved)} of {len(kpis)} KPIs had moved")


def _shown(client: httpx.Client) -> Shown:
    figures = client.get("/v1/figures").raise_for_status().json()["figures"]
    return {(figure["kpi"], figure["window"]): (figure["value"], figure["n"]) for figure in figures}


def _ended_by_ctrl_c(terminal: Terminal) -> None:
    family = psutil.Process(terminal.process.pid).children(recursive=True)
    assert len(family) >= 4
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.process.wait(60) == 0
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
