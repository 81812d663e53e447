"""Alerts that follow from the configured targets, and the recording rules that they read.

A target with `share` and `within` on a KPI whose cases are counted as due and breached burns its allowance (`burn`); one with
`within` alone on a KPI of the present, such as the longest wait, is a limit. Other targets colour a figure and wake nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from deploy.render.alerts import Alert
from deploy.render.burn import NeverFires, Speed, speeds
from kpis.kpi import Kpi
from kpis.window import NOW
from services.api.declared import targets_of
from services.api.metrics import SPLIT_BY, names
from services.settings import Settings
from services.settings_errors import ConfigError, Problem

COUNTED = ("first_reply_time", "speed_of_answer")
"""KPIs with counters of what was due and what was breached."""
LEAST_DUE, LEAST_BREACHED = 20, 5
"""A share of fewer cases is chance: of 5 cases 3 late are nothing unusual at a target of 80 %."""


class Record(NamedTuple):
    """A recording rule: its name (level:metric:operation) and its PromQL."""

    record: str
    expr: str


class OfTarget(NamedTuple):
    """What follows from one target."""

    key: str
    records: tuple[Record, ...]
    alerts: tuple[Alert, ...]


def of_targets(settings: Settings, kpis: tuple[Kpi, ...]) -> list[OfTarget]:
    """What follows from each target that can wake somebody. Raises ConfigError for those that never could, all of them."""
    found, problems = [], []
    for key in settings.targets:
        try:
            if (made := _of_target(key, settings, kpis)) is not None:
                found.append(made)
        except NeverFires as error:
            held = settings.targets[key].share
            problems.append(Problem("the configuration", f"targets.{key}.share", f"{held:g}", str(error)))
    if problems:
        raise ConfigError(problems)
    return found


def _of_target(key: str, settings: Settings, kpis: tuple[Kpi, ...]) -> OfTarget | None:
    held = settings.targets[key]
    [kpi_id] = targets_of(settings.model_copy(update={"targets": {key: held}}), kpis)
    kpi = next((each for each in kpis if each.id == kpi_id), None)
    if kpi is None or held.within is None:
        return None
    if held.share is None:
        return OfTarget(key, (), (_limit(kpi, held.within),)) if NOW in kpi.windows and kpi.better == "down" else None
    if kpi.id not in COUNTED:
        return None
    both = speeds(held.share)
    return OfTarget(key, tuple(_records(kpi, both)), tuple(_burns(kpi, speed, held.share, held.within) for speed in both))


def _records(kpi: Kpi, both: Iterable[Speed]) -> Iterator[Record]:
    windows = dict.fromkeys(window for speed in both for window in (speed.short, speed.long))
    for window in windows:
        for what in ("due", "breached"):
            yield Record(
                f"channel:deskpulse_{kpi.id}_{what}:increase{window}",
                f"sum by (channel) (max without (instance) (increase(deskpulse_{kpi.id}_{what}_total[{window}])))",
            )


def _burns(kpi: Kpi, speed: Speed, share: float, within: float) -> Alert:
    def counted(what: str, window: str) -> str:
        return f"channel:deskpulse_{kpi.id}_{what}:increase{window}"

    def ratio(window: str) -> str:
        return f"{counted('breached', window)} / {counted('due', window)} > {speed.late:g}"

    return Alert(
        name=f"Deskpulse{_camel(kpi.id)}Burn{speed.word.capitalize()}",
        severity="critical" if speed.word == "fast" else "warning",
        kpi=kpi.id,
        summary=f"{kpi.title} on {{{{ $labels.channel }}}}: {{{{ $value | humanizePercentage }}}} late",
        description=(
            f"Over {speed.long}, and still over {speed.short}, more than {speed.late:.1%} of the cases took longer than {within:g} s;"
            f" the target allows {1 - share:.1%}. That is {speed.factor:.3g} times what is allowed (at most {1 / (1 - share):.3g} times"
            f" is possible)."
            " Look which team lacks people, and whether more cases came than usual."
        ),
        expr=(
            f"({ratio(speed.long)})\n"
            f"  and on (channel) {ratio(speed.short)}\n"
            f"  and on (channel) {counted('due', speed.long)} >= {LEAST_DUE}\n"
            f"  and on (channel) {counted('breached', speed.long)} >= {LEAST_BREACHED}"
        ),
        lasts="2m",
        keep_firing_for="10m",
        board="calls" if kpi.subject == "calls" else "support",
    )


def _limit(kpi: Kpi, within: float) -> Alert:
    label = next((label for label in SPLIT_BY if label in kpi.dimensions), "")
    family = names(kpi.id, kpi.unit, windowed=False, before="all_" if label else "").name
    form = "humanizeDuration" if kpi.unit == "seconds" else "humanize"
    said = f"{within:g} s" if kpi.unit == "seconds" else f"{within:g}"
    return Alert(
        name=f"Deskpulse{_camel(kpi.id)}AboveTarget",
        severity="warning",
        kpi=kpi.id,
        summary=f"{kpi.title} is above its target: {{{{ $value | {form} }}}}",
        description=f"It has been above {said} for five minutes. Which channel and team it is stands on the wall board.",
        expr=f"max without (instance) ({family}) > {within:g}",
        lasts="5m",
        keep_firing_for="5m",
    )


def _camel(kpi_id: str) -> str:
    return "".join(word.capitalize() for word in kpi_id.split("_"))
