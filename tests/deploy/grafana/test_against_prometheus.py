"""The proof: every expression of every panel, run by a real Prometheus that scrapes our services, returns data."""

from __future__ import annotations

import contextlib
import json
import math
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.ports import free_ports
from kpis.catalogue import KPIS
from kpis.tallies import BASES
from tests.deploy.grafana.reading import Expression, dashboards, expressions, filled_in
from tests.deploy.grafana.serving import (
    AGENTS_PATH,
    AGGREGATOR_PATH,
    API_PATH,
    INGEST_PATH,
    served,
    told_board,
    until_open,
)

pytestmark = pytest.mark.room

JOBS = {
    "deskpulse-api": API_PATH,
    "deskpulse-agents": AGENTS_PATH,
    "deskpulse-ingest": INGEST_PATH,
    "deskpulse-aggregator": AGGREGATOR_PATH,
}
SCRAPE_SECONDS = 1
SCRAPES = 5
"""So many samples of each job are waited for, that `$__rate_interval` holds at least two."""
LOOK_BACK_SECONDS = 10
DEADLINE_SECONDS = 60.0
_PROMETHEUS = shutil.which("prometheus")


class Prometheus:
    """A running Prometheus, asked as Grafana's datasource asks it."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, path: str, **values: str | float) -> Any:
        """The `data` of an answer. Raises RuntimeError with what Prometheus says is wrong."""
        body = urllib.parse.urlencode(values).encode()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}", data=body, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["error"]) from None

    def samples(self, expr: str, *, instant: bool) -> list[float]:
        """All values of the answer, now or over the last seconds."""
        now = time.time()
        if instant:
            data = self.ask("query", query=expr, time=now)
            return [float(data["result"][1])] if data["resultType"] == "scalar" else [float(one["value"][1]) for one in data["result"]]
        data = self.ask("query_range", query=expr, start=now - LOOK_BACK_SECONDS, end=now, step=SCRAPE_SECONDS)
        return [float(value) for series in data["result"] for _, value in series["values"]]

    def by_label(self, expr: str, label: str) -> dict[str, float]:
        """The values of now by a label. Raises ValueError when two series say the same of it."""
        found = [(one["metric"][label], float(one["value"][1])) for one in self.ask("query", query=expr, time=time.time())["result"]]
        if len(dict(found)) < len(found):
            raise ValueError(f"more than one of a kind: {found}")
        return dict(found)

    def until_scraped(self) -> None:
        """Wait until every job has been scraped often enough. Raises TimeoutError."""
        often = f"count_over_time(up[{DEADLINE_SECONDS:.0f}s]) >= {SCRAPES} and up == 1"
        self.until(f"count({often}) == {len(JOBS)}", f"not every job was scraped {SCRAPES} times")

    def until(self, expr: str, otherwise: str) -> None:
        """Wait until an expression returns something. Raises TimeoutError."""
        until = time.monotonic() + DEADLINE_SECONDS
        while not self.samples(expr, instant=True):
            if time.monotonic() > until:
                raise TimeoutError(f"{otherwise}: {self.ask('query', query='up')}")
            time.sleep(0.2)


@contextlib.contextmanager
def scraping(folder: Path, services: int) -> Iterator[Prometheus]:
    """A Prometheus that has scraped everything that is served at a port."""
    if _PROMETHEUS is None:
        pytest.skip("no prometheus on this machine (Debian: apt install prometheus)")
    targets = [{"targets": [f"127.0.0.1:{services}"]}]
    jobs = [{"job_name": job, "metrics_path": path, "static_configs": targets} for job, path in JOBS.items()]
    config = {"global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "scrape_timeout": f"{SCRAPE_SECONDS}s"}, "scrape_configs": jobs}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    [port] = free_ports(1)
    with _running(folder, port) as process:
        try:
            until_open(port, "/-/ready")
            running = Prometheus(port)
            running.until_scraped()
            yield running
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that scrapes all services."""
    with served(told_board()) as services, scraping(tmp_path_factory.mktemp("prometheus"), services) as running:
        yield running


def _running(folder: Path, port: int) -> subprocess.Popen[bytes]:
    assert _PROMETHEUS is not None
    command = [
        _PROMETHEUS,
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen([*command, "--log.level=warn"], stdout=log, stderr=log)


@pytest.mark.parametrize("name", list(dashboards()))
def test_every_expression_of_a_dashboard_returns_data(prometheus: Prometheus, name: str) -> None:
    asked = [one for one in expressions() if one.dashboard == name]
    assert asked
    assert [str(one) for one in asked if not _returns_data(prometheus, one)] == []


@pytest.mark.parametrize(
    ("title", "values"),
    [
        pytest.param("First reply, median", {1_800: 0, 1_801: 1, 2_700: 1, 2_701: 2}, id="less is better"),
        pytest.param("Service level", {0.8: 0, 0.79: 1, 0.7: 1, 0.69: 2}, id="more is better"),
    ],
)
def test_the_word_below_a_number_says_how_it_stands(prometheus: Prometheus, title: str, values: dict[float, int]) -> None:
    [word] = [one for one in expressions() if one.dashboard == "operations.json" and one.panel.startswith(title) and one.ref == "B"]
    for value, state in values.items():
        expr = re.sub(r"max\([^()]*\)", f"vector({value})", word.expr)
        assert prometheus.samples(expr, instant=True) == [state], value


def test_every_duration_has_its_row_and_the_share_within_a_limit_is_exact(prometheus: Prometheus) -> None:
    """One case in each bucket: so the share is how many bounds are not above the limit."""
    table = {one.ref: one.expr for one in expressions() if one.panel == "Durations over the time range"}
    rows = {ref: prometheus.by_label(filled_in(expr, dashboards()["distributions.json"]), "kpi") for ref, expr in table.items()}
    titles = {kpi.id: kpi.title for kpi in KPIS}
    for ref in "ABC":
        assert set(rows[ref]) == {titles[kpi] for kpi in BASES}, ref
        assert all(value > 0 for value in rows[ref].values()), ref
    assert rows["D"] == {
        titles[kpi]: pytest.approx(sum(bound <= limit_ms for bound in BASES[kpi]) / (len(BASES[kpi]) + 1))
        for kpi, limit_ms in (("first_reply_time", 3_600_000), ("speed_of_answer", 20_000))
    }


def test_the_recommendation_score_is_that_of_its_groups(prometheus: Prometheus) -> None:
    """Also where a group has never answered."""
    [score] = [one.expr for one in expressions() if one.panel == "Recommendation score by kind of survey"]
    filled = filled_in(score, dashboards()["distributions.json"])
    assert prometheus.by_label(filled, "kind") == {"relationship": pytest.approx(0), "transactional": pytest.approx(0)}
    without = filled.replace('group="detractor"', 'group="nobody"')
    assert without != filled
    assert prometheus.by_label(without, "kind") == {kind: pytest.approx(100 / 3) for kind in ("relationship", "transactional")}


def test_a_wall_whose_services_are_gone_shows_no_last_good_number(tmp_path: Path) -> None:
    with contextlib.ExitStack() as services:
        port = services.enter_context(served(told_board()))
        with scraping(tmp_path, port) as prometheus:
            wall = [one for one in expressions() if one.dashboard == "operations.json" and one.instant]
            assert [str(one) for one in wall if not _returns_data(prometheus, one)] == []
            services.close()
            prometheus.until("max(up) == 0", "the services still answer")
            assert [str(one) for one in wall if _returns_data(prometheus, one)] == []


def test_an_expression_over_nothing_is_found_out(prometheus: Prometheus) -> None:
    """The proof itself: what nobody tells returns nothing, what is no PromQL is refused, and a rate of nothing is no number."""
    nothing = Expression("kpis.json", "P", "A", 'deskpulse_no_such_metric{job=~"$job"}', True)
    assert not _returns_data(prometheus, nothing)
    with pytest.raises(RuntimeError, match="parse error"):
        prometheus.samples("sum(", instant=True)
    assert not _returns_data(prometheus, nothing._replace(expr="0 / (deskpulse_ingest_lag_seconds * 0)", instant=False))


def _returns_data(prometheus: Prometheus, asked: Expression) -> bool:
    expr = filled_in(asked.expr, dashboards()[asked.dashboard])
    return any(math.isfinite(value) for value in prometheus.samples(expr, instant=asked.instant))
