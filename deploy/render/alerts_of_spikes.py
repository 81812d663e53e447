"""One alert for each KPI that the catalogue watches: that it is unusual is decided by the service, which also says what carries it.

Law: the rule never guesses. It reads the one 0/1 that the wall's banner and `/v1/spikes` follow as well, so that they all agree.
"""

from __future__ import annotations

from collections.abc import Iterable

from deploy.render.alerts import Alert
from kpis.kpi import Kpi
from kpis.spikes.watch import Watch

_NUMBER = (
    '{{{{ with query "max without (instance) ({name}{{kpi=\\"{kpi}\\"}})" }}}}'
    "{{{{ . | first | value | {form} }}}}{{{{ else }}}}?{{{{ end }}}}"
)
_CAUSES = (
    '{{{{ range $i, $cause := query "sort_desc(topk(3, max by (slice) (deskpulse_spike_cause_share{{kpi=\\"{kpi}\\"}})))" }}}}'
    "{{{{ if $i }}}}; {{{{ end }}}}{{{{ $cause.Labels.slice }}}} carries {{{{ $cause.Value | humanizePercentage }}}}"
    "{{{{ else }}}}no slice alone{{{{ end }}}}"
)


def alerts_of_spikes(kpis: Iterable[Kpi]) -> list[Alert]:
    """One alert for each watched KPI, in the order of the catalogue."""
    return [_alert(kpi) for kpi in kpis if kpi.watch is not None]


def name_of(watch: str) -> str:
    """`DeskpulseEscalationSpike` for the watch `escalation`."""
    return f"Deskpulse{''.join(word.capitalize() for word in watch.split('_'))}Spike"


def _alert(kpi: Kpi) -> Alert:
    assert kpi.watch is not None
    watch = kpi.watch
    seconds = watch.unit == "seconds"
    # not `humanize`, which writes 0.16 as 160m
    observed = _NUMBER.format(name="deskpulse_spike_observed", kpi=kpi.id, form="humanizeDuration" if seconds else 'printf "%.0f"')
    expected = _NUMBER.format(name="deskpulse_spike_expected", kpi=kpi.id, form="humanizeDuration" if seconds else 'printf "%.1f"')
    unit = "" if seconds else f" {watch.unit}"
    is_or_are = "is" if seconds else "are"
    carried = f" What carries it: {_CAUSES.format(kpi=kpi.id)}." if isinstance(watch, Watch) else ""
    return Alert(
        name=name_of(watch.id),
        severity="warning",
        kpi=kpi.id,
        summary=f"{watch.noun} {is_or_are} unusually {'long' if seconds else 'high'}",
        description=f"{observed}{unit} where {expected} {is_or_are} usual." + carried,
        unasked="How much it is, what is usual and what carries it stand on the wall board and in `GET /v1/spikes`.",
        # no `for`: the service has looked twice before it says so, and it holds an incident until it has been calm for minutes
        expr=f'max without (instance) (deskpulse_spike_alert{{kpi="{kpi.id}"}}) == 1',
        keep_firing_for="5m",  # the start of an API, during which there are no series, ends no incident
    )
