"""The families of unusual numbers in `/metrics`.

Laws: a total never stands beside its parts in one family; a KPI that cannot be judged yet has no sample, so that an alert on it is
silent and not "resolved"; a slice is one label, whatever is in it.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.api.exposition import Family
from services.api.ports import Freshness


def families(fresh: Freshness) -> list[Family]:
    """What is watched, what is unusual, and what carries it."""
    surprise: dict[str, Family] = {}
    alert = Family(name="deskpulse_spike_alert", kind="gauge", help="1 while the numbers of a KPI are unusual, judged every 5 s.")
    observed = Family(name="deskpulse_spike_observed", kind="gauge", help="The watched count in its most surprising window.")
    expected = Family(name="deskpulse_spike_expected", kind="gauge", help="What is usual for that window at this hour of the week.")
    cause = Family(name="deskpulse_spike_cause_share", kind="gauge", help="The part of the excess that a slice carries, while it lasts.")
    open_now = {spike.kpi: spike for spike in fresh.spikes}
    for watched in fresh.watched:
        if watched.surprise is None:
            continue
        whole = not watched.dims
        name = f"deskpulse_{_before(watched.dims)}{watched.watch}_surprise"
        if name not in surprise:
            about = f"-log10 of the chance of so much, {watched.watch.replace('_', ' ')}: above 4 is one in ten thousand."
            surprise[name] = Family(name=name, kind="gauge", help=about)
        surprise[name].add(watched.surprise, **watched.dims)
        if whole:
            spike = open_now.get(watched.kpi)
            alert.add(1.0 if spike else 0.0, kpi=watched.kpi)
            observed.add(spike.observed if spike else watched.observed, kpi=watched.kpi)
            expected.add(spike.expected if spike else watched.expected, kpi=watched.kpi)
    for spike in fresh.spikes:
        for one in spike.causes:
            cause.add(one.share, kpi=spike.kpi, slice=", ".join(f"{name}={value}" for name, value in one.dims.items()))
    return [*(surprise[name] for name in sorted(surprise)), alert, observed, expected, cause]


def _before(dims: Mapping[str, str]) -> str:
    """What stands before the name of a surprise: values of two dimensions are never parts of one family."""
    if not dims:
        return "all_"
    [dimension] = dims
    return "" if dimension in ("channel", "source") else f"{dimension}_"
