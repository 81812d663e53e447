"""PromQL of the dashboards: selectors that keep to the chosen job and instance, and the families of a KPI.

Law: every replica of the API tells the whole board, so that its figures are taken as the `max` of the replicas, never their sum;
what ingest and the aggregators count is each one's own, and is summed.
"""

from __future__ import annotations

from collections.abc import Iterable

from kpis.kpi import Kpi
from services.api import metrics
from services.api.declared import entry_of
from services.api.metrics import Exposed

NOW = "now"


def select(name: str, **labels: str) -> str:
    """The series of a family; a label's value starts with its operator when that is not `=`: `channel='=~"$channel"'`."""
    said = ['job=~"$job"', 'instance=~"$instance"']
    said += [f"{label}{value}" if value.startswith(("=~", "!=", "!~")) else f'{label}="{value}"' for label, value in labels.items()]
    return f"{name}{{{','.join(said)}}}"


def whole(name: str, *by: str, **labels: str) -> str:
    """A gauge of the API, by some labels: every replica says the same."""
    return f"max{_by(by)}({select(name, **labels)})"


def whole_rate(name: str, *by: str, **labels: str) -> str:
    """The rate of a counter of the API: every replica counts all of it."""
    return f"max{_by(by)}(rate({select(name, **labels)}[$__rate_interval]))"


def summed_rate(name: str, *by: str, **labels: str) -> str:
    """The rate of a counter that each process keeps of its own share."""
    return f"sum{_by(by)}(rate({select(name, **labels)}[$__rate_interval]))"


def grown(name: str, *by: str, over: str, **labels: str) -> str:
    """How much a counter of the API grew over a span: of each series once, whatever replica tells it, and then by some labels."""
    return f"sum{_by(by)}(max without (instance) (increase({select(name, **labels)}[{over}])))"


def quantile(share: float, family: str, *, over: str = "", **labels: str) -> str:
    """A quantile of a histogram over a span, or at the pace of the panel's own steps."""
    buckets = select(f"{family}_bucket", **labels)
    seen = f"increase({buckets}[{over}])" if over else f"rate({buckets}[$__rate_interval])"
    return f"histogram_quantile({share:g}, sum by (le) (max without (instance) ({seen})))"


def within(limit: str, family: str, *, over: str, **labels: str) -> str:
    """The share of cases at or below a bound of a histogram: exact, since the limit is a bound."""
    below = grown(f"{family}_bucket", over=over, le=limit, **labels)
    return f"{below} / {grown(f'{family}_count', over=over, **labels)}"


def exposed(kpis: Iterable[Kpi]) -> list[Exposed]:
    """What the API exposes of the catalogue."""
    return metrics.exposed(entry_of(kpi) for kpi in kpis)


def total(one: Exposed, window: str, **labels: str) -> str:
    """A KPI's total over a window, or over the one that a variable names."""
    return whole(_name(one, window, "all_" if one.label else ""), **_window(window), **labels)


def parts(one: Exposed, window: str) -> str:
    """A KPI by its label, as far as that is chosen."""
    return whole(_name(one, window), one.label, **_window(window), **{one.label: f'=~"${one.label}"'})


def by_agent(one: Exposed) -> str:
    """A KPI of the chosen agent."""
    window = metrics.AGENT_WINDOW if metrics.AGENT_WINDOW in one.windows else one.windows[-1]
    return whole(_name(one, window, "agent_"), "agent", **_window(window), agent='=~"$agent"')


def _name(one: Exposed, window: str, before: str = "") -> str:
    return metrics.names(one.kpi, one.unit, windowed=window != NOW, before=before).name


def _window(window: str) -> dict[str, str]:
    return {} if window == NOW else {"window": window}


def _by(labels: tuple[str, ...]) -> str:
    return f" by ({', '.join(labels)}) " if labels else ""
