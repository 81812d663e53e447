"""What Grafana reads at its start: the datasource, the folder of dashboards, and that both lie where compose mounts them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import yaml
from promql_parser import parse_duration

from deploy.render.dashboards import files as rendering
from deploy.render.dashboards.files import SOURCE_UID
from deploy.render.dashboards.provisioning import MOUNTED, SCRAPE_SECONDS
from tests.conftest import REPOSITORY
from tests.deploy.grafana.reading import expressions

COMPOSE = REPOSITORY / "docker-compose.yml"


def _read(name: str) -> Any:
    return yaml.safe_load(rendering.files()[f"{rendering.PROVISIONING}/{name}"])


def test_the_datasource_is_prometheus_by_post_with_an_address_of_its_own() -> None:
    held = _read("datasources/prometheus.yml")
    assert set(held) == {"apiVersion", "prune", "datasources"}
    assert (held["apiVersion"], held["prune"]) == (1, True)
    [source] = held["datasources"]
    assert source["uid"] == SOURCE_UID
    assert (source["type"], source["access"], source["isDefault"], source["editable"]) == ("prometheus", "proxy", True, False)
    assert source["jsonData"]["httpMethod"] == "POST"
    assert source["jsonData"]["timeInterval"] == f"{SCRAPE_SECONDS}s"


def test_the_provider_takes_the_folder_of_dashboards_and_lets_nobody_edit_them() -> None:
    held = _read("dashboards/deskpulse.yml")
    assert held["apiVersion"] == 1
    [provider] = held["providers"]
    assert (provider["type"], provider["allowUiUpdates"], provider["disableDeletion"]) == ("file", False, True)
    assert provider["options"] == {"path": MOUNTED, "foldersFromFilesStructure": False}


def test_no_value_is_read_as_a_variable() -> None:
    """Grafana puts environment variables in for `$NAME`."""
    assert [name for name, text in rendering.files().items() if name.endswith(".yml") and "$" in text] == []


def test_compose_mounts_both_where_they_are_looked_for() -> None:
    if not COMPOSE.exists():
        pytest.skip("no compose file in this tree")
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    assert f"./{rendering.DASHBOARDS}:{MOUNTED}:ro" in services["grafana"]["volumes"]
    assert f"./{rendering.PROVISIONING}:/etc/grafana/provisioning:ro" in services["grafana"]["volumes"]
    [source] = _read("datasources/prometheus.yml")["datasources"]
    host = source["url"].removeprefix("http://").partition(":")[0]
    assert host in services


def test_prometheus_scrapes_no_slower_than_the_datasource_says() -> None:
    file = REPOSITORY / "deploy" / "prometheus" / "prometheus.yml"
    if not file.exists():
        pytest.skip("no configuration of Prometheus in this tree")
    held = yaml.safe_load(file.read_text(encoding="utf-8"))
    slow = [
        job["job_name"]
        for job in held["scrape_configs"]
        if parse_duration(job.get("scrape_interval", held["global"]["scrape_interval"])) > timedelta(seconds=SCRAPE_SECONDS)
    ]
    assert set(slow) <= {"deskpulse-agents"}
    assert [asked for asked in expressions() if asked.dashboard == "agents.json" and "$__rate_interval" in asked.expr] == []
