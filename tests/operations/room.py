"""The room: the three services, a Prometheus that scrapes them with the shipped rules, and an Alertmanager with the shipped routes.

Files are those of deploy/, with addresses of their own and a faster clock: scraped and judged every second, and whatever the rules
and routes wait for shrinks to `LASTS` and `GROUPED`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from cli.addresses import urls_of
from cli.processes import Service, Supervisor, services_of
from deploy.ports import free_ports
from deploy.render import rule_files
from deploy.render.rules import Links
from kpis.catalogue import KPIS
from services.settings import Settings, as_environment
from tests.deploy.prometheus.tools import ALERTMANAGER, PROMETHEUS, tool

LASTS = "15s"
"""Longer than a service needs to start again, as the durations of the rules are with a slower clock."""
GROUPED = "1s"


class Room:
    """All five processes, by name, and what Prometheus knows."""

    def __init__(self, settings: Settings, supervisor: Supervisor, folder: Path, told_at: int) -> None:
        """`told_at` is the port of who is told."""
        self._supervisor = supervisor
        self.services = {service.name: service for service in services_of(urls_of(settings))}
        self._prometheus, self._alertmanager = free_ports(2)
        _write(folder / "prometheus.yml", self._scraping(settings, folder))
        _write(folder / "alertmanager.yml", _routing(told_at))
        for name, text in rule_files.named(settings, KPIS, Links()).items():
            if name.startswith("rules/"):
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_text(re.sub(r"(?m)^( +(?:for|keep_firing_for)): .*$", rf"\1: {LASTS}", text), encoding="utf-8")
        self.services["prometheus"] = Service(
            "prometheus",
            (
                tool("prometheus"), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/series",
                f"--web.listen-address=127.0.0.1:{self._prometheus}", "--log.level=warn",
            ),
            f"http://127.0.0.1:{self._prometheus}/-/ready",
        )  # fmt: skip
        self.services["alertmanager"] = Service(
            "alertmanager",
            (
                tool("prometheus-alertmanager", "alertmanager"), f"--config.file={folder}/alertmanager.yml",
                f"--storage.path={folder}/told", f"--web.listen-address=127.0.0.1:{self._alertmanager}", "--cluster.listen-address=",
                "--log.level=warn",
            ),
            f"http://127.0.0.1:{self._alertmanager}/-/ready",
        )  # fmt: skip

    def start(self, *names: str) -> None:
        """Start these and wait until they are ready."""
        for name in names:
            self._supervisor.start(self.services[name])
        self._supervisor.wait_until_ready(*names)

    def stop(self, name: str) -> None:
        """End one, as an orchestrator does."""
        self._supervisor.stop(name)

    def kill(self, name: str) -> None:
        """End one, as a power cut does."""
        self._supervisor.kill(name)

    def ask(self, expr: str) -> dict[str, float]:
        """The value of each series now, by its labels as text."""
        return {_labels(one["metric"]): float(one["value"][1]) for one in self._get("query", query=expr)["result"]}

    def names(self) -> set[str]:
        """Every family that was ever scraped or recorded."""
        return set(self._get("label/__name__/values"))

    def rules(self) -> list[dict[str, Any]]:
        """Every rule with its health."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def _get(self, path: str, **parameters: str) -> Any:
        answer = httpx.get(f"http://127.0.0.1:{self._prometheus}/api/v1/{path}", params=parameters, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def _scraping(self, settings: Settings, folder: Path) -> dict[str, Any]:
        config: dict[str, Any] = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
        config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        config["alerting"]["alertmanagers"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{self._alertmanager}"]}]
        for job in config["scrape_configs"]:
            job.pop("scrape_interval", None)
            service = {"deskpulse-agents": "api"}.get(job["job_name"], job["job_name"].removeprefix("deskpulse-"))
            job["static_configs"] = [{"targets": [urls_of(settings)[service].removeprefix("http://")]}]
            if "authorization" in job:
                job["authorization"] = {"credentials_file": str(folder / "token")}
        return config


@contextmanager
def open_room(settings: Settings, secrets: dict[str, str], token: str, folder: Path, told_at: int) -> Iterator[Room]:
    """A room in which nothing runs yet; whatever was started in it ends with it."""
    (folder / "token").write_text(token, encoding="utf-8")
    with Supervisor({**as_environment(settings), **secrets}) as supervisor:
        yield Room(settings, supervisor, folder, told_at)


def _routing(told_at: int) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(ALERTMANAGER.read_text(encoding="utf-8"))
    config["route"] |= {"group_wait": GROUPED, "group_interval": GROUPED}
    config["receivers"] = [
        {"name": one["name"], "webhook_configs": [{"url": f"http://127.0.0.1:{told_at}/{one['name']}", "send_resolved": True}]}
        for one in config["receivers"]
    ]
    return config


def _labels(metric: dict[str, str]) -> str:
    name = metric.get("__name__", "")
    return name + "{" + ",".join(f"{key}={value}" for key, value in sorted(metric.items()) if key != "__name__") + "}"


def _write(file: Path, value: dict[str, Any]) -> None:
    file.write_text(yaml.safe_dump(value), encoding="utf-8")
