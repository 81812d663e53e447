"""What a Grafana reads at its start: where Prometheus is, and where the dashboards lie."""

from __future__ import annotations

from deploy.render.dashboards.files import SOURCE_UID
from deploy.render.yaml_text import document

PROMETHEUS = "http://prometheus:9090"
MOUNTED = "/var/lib/grafana/dashboards"
"""Where deploy/grafana/dashboards is mounted; the provisioning itself is at /etc/grafana/provisioning."""
SCRAPE_SECONDS = 15
"""The least interval that $__rate_interval reckons with: never shorter than the interval of the scrapes."""
_HEADING = "Written by `make render`."


def datasources() -> str:
    """provisioning/datasources/prometheus.yml."""
    source = {
        "name": "Prometheus",
        "type": "prometheus",
        "uid": SOURCE_UID,
        "url": PROMETHEUS,
        "access": "proxy",
        "isDefault": True,
        "editable": False,
        "jsonData": {"httpMethod": "POST", "timeInterval": f"{SCRAPE_SECONDS}s", "manageAlerts": False},
    }
    return document({"apiVersion": 1, "prune": True, "datasources": [source]}, heading=_HEADING)


def dashboards() -> str:
    """provisioning/dashboards/deskpulse.yml."""
    provider = {
        "name": "deskpulse",
        "orgId": 1,
        "folder": "deskpulse",
        "folderUid": "deskpulse",
        "type": "file",
        "disableDeletion": True,
        "updateIntervalSeconds": 30,
        "allowUiUpdates": False,
        "options": {"path": MOUNTED, "foldersFromFilesStructure": False},
    }
    return document({"apiVersion": 1, "providers": [provider]}, heading=_HEADING)
