"""The generator of dashboards, named once: what of grafana-foundation-sdk is used here.

It warns on import that the newer form of dashboards is to be preferred; Grafana's provisioning from files refuses that form in some
versions, so that ours stays the classic one.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import bargauge, heatmap, prometheus, stat, statetimeline, table, timeseries
    from grafana_foundation_sdk.builders import common as c
    from grafana_foundation_sdk.builders import dashboard as d
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models import common as mc
    from grafana_foundation_sdk.models import dashboard as m
    from grafana_foundation_sdk.models import heatmap as mh
    from grafana_foundation_sdk.models import prometheus as mp

__all__ = [
    "Builder",
    "JSONEncoder",
    "bargauge",
    "c",
    "d",
    "heatmap",
    "m",
    "mc",
    "mh",
    "mp",
    "prometheus",
    "stat",
    "statetimeline",
    "table",
    "timeseries",
]
