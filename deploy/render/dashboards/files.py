"""deploy/grafana/: the text of every file by its path, for the catalogue and the targets given."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from kpis.catalogue import KPIS
from kpis.kpi import Kpi
from services.settings import Settings, TargetSettings

FOLDER = "deploy/grafana"
DASHBOARDS = f"{FOLDER}/dashboards"
PROVISIONING = f"{FOLDER}/provisioning"
SOURCE_UID = "deskpulse-prometheus"
"""The address of the datasource that is provisioned."""
_SDK = "grafana_foundation_sdk"


class NotInstalled(RuntimeError):
    """What writes the dashboards is not installed."""


def files(kpis: tuple[Kpi, ...] = KPIS, targets: Mapping[str, TargetSettings] | None = None) -> dict[str, str]:
    """Every file of `deploy/grafana`; `targets` None means those that hold unless configured. Raises NotInstalled."""
    if find_spec(_SDK) is None:
        raise NotInstalled(f"rendering the dashboards needs {_SDK}, of the dev extra: pip install 'deskpulse[dev]', or make install")
    from deploy.render.dashboards import agents, distributions, every_kpi, pipeline, provisioning, spikes, wall
    from deploy.render.dashboards.frame import as_text

    held = Settings().targets if targets is None else targets
    boards = {
        "operations": wall.dashboard(kpis, held),
        "kpis": every_kpi.dashboard(kpis),
        "distributions": distributions.dashboard(kpis, held),
        "pipeline": pipeline.dashboard(),
        "spikes": spikes.dashboard(kpis),
        "agents": agents.dashboard(kpis),
    }
    return {
        **{f"{DASHBOARDS}/{name}.json": as_text(board) for name, board in boards.items()},
        f"{PROVISIONING}/datasources/prometheus.yml": provisioning.datasources(),
        f"{PROVISIONING}/dashboards/deskpulse.yml": provisioning.dashboards(),
    }
