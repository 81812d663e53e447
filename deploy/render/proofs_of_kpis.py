"""What proves the alerts that follow from declarations: each watched KPI, each target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil, floor

from deploy.render.alert_proofs import Proof
from deploy.render.alerts_of_spikes import name_of
from deploy.render.alerts_of_targets import COUNTED, OfTarget, of_targets
from deploy.render.burn import Speed, speeds
from kpis.kpi import Kpi
from kpis.spikes.watch import Watch
from services.settings import Settings

_API, _OTHER = 'job="deskpulse-api",instance="a:8081"', 'job="deskpulse-api",instance="b:8081"'
_HOURS = {"1h": 60, "6h": 360}


def proofs_of_spikes(kpis: Iterable[Kpi]) -> Iterator[Proof]:
    """An incident with causes and one without, the start of an API in the middle of one, and another KPI's incident."""
    for kpi in kpis:
        if kpi.watch is None:
            continue
        name, of = name_of(kpi.watch.id), f'kpi="{kpi.id}"'
        seconds = kpi.watch.unit == "seconds"
        are = "is" if seconds else "are"
        numbers = "14s where 3.1s is usual." if seconds else f"14 {kpi.watch.unit} where 3.1 are usual."
        shares = {
            'slice="channel=chat, team=billing"': "_x10 0.93x8 _x20",
            'slice="channel=chat"': "_x10 0.71x8 _x20",
            'slice="team=sales, tier=<b>gold</b>"': "_x10 0.05x8 _x20",
            'slice="channel=mail"': "_x10 0.01x8 _x20",
        }
        carried = " What carries it: channel=chat, team=billing carries 93%; channel=chat carries 71%;"
        carried += " team=sales, tier=<b>gold</b> carries 5%."
        causes = isinstance(kpi.watch, Watch)
        of_api, summary = {"job": "deskpulse-api"}, f"{kpi.watch.noun} {are} unusually {'long' if seconds else 'high'}"
        yield Proof(
            of=name,
            case=f"{kpi.id}: an incident of eight minutes, with its cause, told by two replicas",
            series={
                f"deskpulse_spike_alert{{{_API},{of}}}": "0x9 1x8 0x20",
                f"deskpulse_spike_alert{{{_OTHER},{of}}}": "0x9 1x8 0x20",
                f"deskpulse_spike_observed{{{_API},{of}}}": "3x9 14x27",
                f"deskpulse_spike_expected{{{_API},{of}}}": "3.1x36",
                **({f"deskpulse_spike_cause_share{{{_API},{of},{slice}}}": values for slice, values in shares.items()} if causes else {}),
            },
            quiet=("9m", "24m"),
            fires=("11m",),
            firing=("10m", "18m", "22m"),
            description=numbers + (carried if causes else ""),
            labels=of_api,
            summary=summary,
        )
        yield Proof(
            of=name,
            case=f"{kpi.id}: no series for three minutes, as when an API starts, while it is open",
            series={
                f"deskpulse_spike_alert{{{_API},{of}}}": "1x5 _x3 1x10",
                f"deskpulse_spike_observed{{{_API},{of}}}": "14x5 _x3 14x10",
                f"deskpulse_spike_expected{{{_API},{of}}}": "3.1x5 _x3 3.1x10",
            },
            fires=("2m", "10m"),
            firing=("6m", "7m", "8m"),
            description=numbers + (" What carries it: no slice alone." if causes else ""),
            labels=of_api,
            summary=summary,
        )
        yield Proof(
            of=name,
            case=f"{kpi.id}: something else is unusual",
            series={
                f"deskpulse_spike_alert{{{_API},{of}}}": "0x30",
                f'deskpulse_spike_alert{{{_API},kpi="another_kpi"}}': "1x30",
            },
            quiet=("5m", "30m"),
        )


def proofs_of_targets(settings: Settings, kpis: tuple[Kpi, ...]) -> Iterator[Proof]:
    """All late after hours as promised, as promised for ever, too few cases; and of a limit, above it. Raises ConfigError."""
    for one in of_targets(settings, kpis):
        held = settings.targets[one.key]
        if one.records and held.share is not None:
            for speed, alert in zip(speeds(held.share), one.alerts, strict=True):
                yield from _of_speed(one, speed, alert.name, held.share)
        elif held.within is not None:
            [limit] = one.alerts
            yield _of_limit(limit.name, limit.expr, held.within)


def _of_speed(one: OfTarget, speed: Speed, name: str, share: float) -> Iterator[Proof]:
    kpi = next(kpi for kpi in COUNTED if f"deskpulse_{kpi}_due" in one.records[0].record)
    title = one.alerts[0].summary.partition(" on ")[0]
    long = _HOURS[speed.long]
    calm = long + 10  # the whole window is as promised before anything is late
    reached = calm + long * speed.late

    def counted(what: str, values: str, instance: str = _API) -> dict[str, str]:
        return {f'deskpulse_{kpi}_{what}_total{{{instance},channel="chat",team="a"}}': values}

    late = f"0x{calm} 10+10x{long + 40}"
    yield Proof(
        of=name,
        case="everything is late from one minute on, told by two replicas",
        series={
            **counted("due", f"0+10x{calm + long + 40}"),
            **counted("breached", late),
            **counted("due", f"0+10x{calm + long + 40}", _OTHER),
            **counted("breached", late, _OTHER),
        },
        quiet=(f"{calm}m", f"{max(calm, floor(reached) - 3)}m"),
        firing=(f"{ceil(reached) + 6}m",),
        fires=(f"{calm + long + 30}m",),
        labels={"channel": "chat"},
        summary=f"{title} on chat: 100% late",
    )
    allowed = f"0+{10 * (1 - share):.6g}x{calm + long + 40}"
    yield Proof(
        of=name,
        case="as much is late as is allowed",
        series={**counted("due", f"0+10x{calm + long + 40}"), **counted("breached", allowed)},
        quiet=("70m", f"{calm}m", f"{calm + long + 40}m"),
    )
    at_once = f"0x{calm} 40x60"
    yield Proof(
        of=name,
        case="the first forty replies or calls, all late, where something else of them was counted before: told from 0 on",
        series={**counted("due", at_once), **counted("breached", at_once)},
        quiet=(f"{calm}m",),
        firing=(f"{calm + 5}m",),
    )
    unknown = f"_x{calm} 40x60"
    yield Proof(
        of=name,
        case="the first forty of a channel and team that nothing was counted of: where a series begins is no increase",
        series={**counted("due", unknown), **counted("breached", unknown)},
        quiet=(f"{calm}m", f"{calm + 5}m", f"{calm + 30}m"),
    )
    yield Proof(
        of=name,
        case="three cases an hour, all of them late",
        series={**counted("due", "0+0.05x400"), **counted("breached", "0+0.05x400")},
        quiet=("70m", "400m"),
    )


def _of_limit(name: str, expr: str, within: float) -> Proof:
    family = expr.partition("(instance) (")[2].partition(")")[0]
    return Proof(
        of=name,
        case="at it, then above it from the tenth minute on",
        series={f"{family}{{{_API}}}": f"{within:g}x9 {within * 2:g}x20"},
        quiet=("9m", "14m"),
        firing=("15m", "25m"),
    )
