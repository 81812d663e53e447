"""Grafana's dashboards and provisioning from the catalogue: what each board shows, as files that a Grafana reads at its start.

Laws: a figure's names, unit, formula and meaning come from the catalogue, so that a new KPI has its panels by being declared;
every panel says what it shows; NO DATA is never 0; colour never stands alone. `files` is the door; what lies behind it needs the
dev extra, so that nothing else here may be imported at the top of a module outside this folder.
"""
