"""The kinds of panels, each with the rules of the house: a unit, a description, NO DATA instead of the last good number.

Laws: a number that stands for now is an instant query whose newest value is shown, so that what has gone stale is gone; a panel
with one series has no legend.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from deploy.render.dashboards.frame import SOURCE
from deploy.render.dashboards.palette import BLUE, GREY, INK, PLAIN
from deploy.render.dashboards.sdk import bargauge, c, d, m, mc, mp, prometheus, stat, statetimeline, table, timeseries

NO_DATA = "NO DATA"
Steps = Sequence[tuple[float | None, str]]
"""Thresholds: from which value on which colour; the first has None."""
UNITS = {"seconds": "s", "ratio": "percentunit"}
"""Grafana's units; what is not here is a plain number."""
_REFS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PLAIN_STEPS: Steps = ((None, PLAIN),)


class Ask(NamedTuple):
    """One expression of a panel, and how its series are called (`{{label}}` puts a label's value in)."""

    expr: str
    legend: str = "__auto"


class Word(NamedTuple):
    """What a number reads as, and in which colour."""

    text: str
    colour: str


def unit_of(kpi_unit: str) -> str:
    """Grafana's unit for a KPI's."""
    return UNITS.get(kpi_unit, "locale")


def number(
    title: str,
    about: str,
    unit: str,
    asks: Sequence[Ask],
    *,
    steps: Steps = _PLAIN_STEPS,
    verdict: Mapping[int, Word] | None = None,
    named: bool = False,
    name_pixels: int | None = None,
    decimals: int | None = None,
    link: tuple[str, str] | None = None,
) -> stat.Panel:
    """Big numbers of now, one below the other, with their names (`named`: beside them; `name_pixels`: above them, so large).

    `verdict`: the last ask is a state, shown as the word for its value.
    """
    panel = (
        stat.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .unit(unit)
        .targets(_queries(asks, instant=True))
        .no_value(NO_DATA)
        .mappings([_nothing()])
        .reduce_options(c.ReduceDataOptions().calcs(["last"]))
        .orientation(mc.VizOrientation.HORIZONTAL)
        .color_mode(mc.BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(mc.BigValueGraphMode.NONE)
        .justify_mode(mc.BigValueJustifyMode.AUTO if named else mc.BigValueJustifyMode.CENTER)
        .text_mode(mc.BigValueTextMode.VALUE_AND_NAME if named or name_pixels else mc.BigValueTextMode.VALUE)
        .wide_layout(named)
        .thresholds(_thresholds(steps))
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    if name_pixels is not None:
        panel = panel.text(c.VizTextDisplayOptions().title_size(name_pixels))
    if verdict is not None:
        reads = [
            _set("mappings", [_nothing(), words(verdict)]),
            _set("unit", "none"),
            _set("thresholds", _thresholds(_PLAIN_STEPS).build()),
        ]
        panel = panel.override_by_query(_REFS[len(asks) - 1], reads)
    if link is not None:
        panel = panel.links([d.DashboardLink(link[0]).type(m.DashboardLinkType.LINK).url(link[1]).keep_time(True).include_vars(True)])
    return panel


def lines(
    title: str,
    about: str,
    unit: str,
    asks: Sequence[Ask],
    *,
    strong: Sequence[str] = (),
    dashed: Sequence[str] = (),
    at_least: float | None = 0,
    alarm: float | None = None,
    alarm_colour: str = "",
    decimals: int | None = None,
) -> timeseries.Panel:
    """Series over time.

    `strong` and `dashed` name series that are drawn so, whatever their colour; `alarm` draws the line above which somebody is woken.
    """
    several = len(asks) > 1 or any("{{" in ask.legend for ask in asks)
    panel = (
        timeseries.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .unit(unit)
        .targets(_queries(asks, instant=False))
        .no_value(NO_DATA)
        .line_width(2)
        .fill_opacity(0 if several else 12)
        .show_points(mc.VisibilityMode.NEVER)
        .span_nulls(False)
        .legend(
            c.VizLegendOptions().show_legend(several).display_mode(mc.LegendDisplayMode.LIST).placement(mc.LegendPlacement.BOTTOM).calcs([])
        )
        .tooltip(c.VizTooltipOptions().mode(mc.TooltipDisplayMode.MULTI).sort(mc.SortOrder.DESCENDING))
        .color_scheme(
            d.FieldColor().mode(m.FieldColorModeId.PALETTE_CLASSIC_BY_NAME)
            if several
            else d.FieldColor().mode(m.FieldColorModeId.FIXED).fixed_color(BLUE)
        )
    )
    if at_least is not None:
        panel = panel.axis_soft_min(at_least)
    if decimals is not None:
        panel = panel.decimals(decimals)
    if alarm is not None:
        panel = panel.thresholds(_thresholds([(None, PLAIN), (alarm, alarm_colour)])).thresholds_style(
            c.GraphThresholdsStyleConfig().mode(mc.GraphThresholdsStyleMode.DASHED)
        )
    for name in strong:
        panel = panel.override_by_name(name, [_set("color", {"mode": "fixed", "fixedColor": INK}), _set("custom.lineWidth", 3)])
    for name in dashed:
        panel = panel.override_by_name(name, [_set("custom.lineStyle", {"fill": "dash", "dash": [6, 6]}), _set("custom.lineWidth", 1)])
    return panel


def bars(title: str, about: str, unit: str, ask: Ask, *, most: float | None = None) -> bargauge.Panel:
    """One bar for each series of now, each with its name and number."""
    panel = (
        bargauge.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .unit(unit)
        .targets(_queries([ask], instant=True))
        .no_value(NO_DATA)
        .mappings([_nothing()])
        .reduce_options(c.ReduceDataOptions().calcs(["last"]))
        .orientation(mc.VizOrientation.HORIZONTAL)
        .display_mode(mc.BarGaugeDisplayMode.BASIC)
        .min(0)
        .thresholds(_thresholds([(None, BLUE)]))
    )
    return panel if most is None else panel.max(most)


def states(title: str, about: str, ask: Ask, reads: Mapping[int, Word]) -> statetimeline.Panel:
    """Over time, one band for each series: the word for its value, and its colour."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .unit("none")
        .targets(_queries([ask], instant=False))
        .no_value(NO_DATA)
        .mappings([_nothing(), words(reads)])
        .show_value(mc.VisibilityMode.AUTO)
        .legend(
            c.VizLegendOptions().show_legend(False).display_mode(mc.LegendDisplayMode.LIST).placement(mc.LegendPlacement.BOTTOM).calcs([])
        )
        .thresholds(_thresholds(_PLAIN_STEPS))
    )


class Column(NamedTuple):
    """A column of a table: the field it shows, its heading, and what is special of its values.

    `field` is a label, or the letter of the ask whose value it is.
    """

    field: str
    heading: str
    unit: str = ""
    words: m.ValueMap | None = None
    coloured: bool = False
    width: int | None = None


def rows(title: str, about: str, asks: Sequence[str], key: str, columns: Sequence[Column], *, sort_by: str) -> table.Panel:
    """A table of now: one row for each value of the label `key`, the asks side by side; the greatest of `sort_by` first."""
    values = {_REFS[i]: f"Value #{_REFS[i]}" if len(asks) > 1 else "Value" for i in range(len(asks))}
    fields = [values.get(column.field, column.field) for column in columns]
    hidden = {name: True for name in ("Time", *(f"Time {i + 1}" for i in range(len(asks))))}
    arranged = {
        "excludeByName": hidden,
        "indexByName": {name: i for i, name in enumerate(fields)},
        "renameByName": {name: column.heading for name, column in zip(fields, columns, strict=True)},
    }
    panel = (
        table.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .unit("locale")
        .decimals(1)
        .targets(_queries([Ask(expr) for expr in asks], instant=True, as_table=True))
        .no_value(NO_DATA)
        .mappings([_nothing()])
        .transformations(
            [
                m.DataTransformerConfig(id_val="joinByField", options={"byField": key, "mode": "outer"}),
                m.DataTransformerConfig(id_val="organize", options=arranged),
            ]
        )
        .thresholds(_thresholds(_PLAIN_STEPS))
        .cell_height(mc.TableCellHeight.LG)
        .sort_by([c.TableSortByFieldState().display_name(sort_by).desc(True)])
    )
    for column in columns:
        said = [_set("unit", column.unit)] if column.unit else []
        said += [_set("mappings", [column.words])] if column.words is not None else []
        said += [_set("custom.cellOptions", {"type": "color-background", "mode": "basic"})] if column.coloured else []
        said += [_set("custom.width", column.width)] if column.width is not None else []
        if said:
            panel = panel.override_by_name(column.heading, said)
    return panel


def words(reads: Mapping[int, Word] | Mapping[str, Word]) -> m.ValueMap:
    """A mapping from values to words."""
    return m.ValueMap(
        options={
            str(value): m.ValueMappingResult(text=word.text, color=word.colour or None, index=i)
            for i, (value, word) in enumerate(reads.items())
        }
    )


def _queries(asks: Sequence[Ask], *, instant: bool, as_table: bool = False) -> list[Any]:
    out = []
    for ref, ask in zip(_REFS, asks, strict=False):
        query = prometheus.Dataquery().ref_id(ref).datasource(SOURCE).expr(ask.expr).legend_format(ask.legend)
        query = query.editor_mode(mp.QueryEditorMode.CODE)
        query = query.instant() if instant else query.range()
        out.append(query.format(mp.PromQueryFormat.TABLE if as_table else mp.PromQueryFormat.TIME_SERIES))
    return out


def _nothing() -> m.SpecialValueMap:
    return m.SpecialValueMap(
        options=m.DashboardSpecialValueMapOptions(
            match=m.SpecialValueMatch.NULL_AND_NAN, result=m.ValueMappingResult(text=NO_DATA, color=GREY, index=0)
        )
    )


def _thresholds(steps: Steps) -> d.ThresholdsConfig:
    made = [m.Threshold(value=value, color=colour) for value, colour in steps]
    return d.ThresholdsConfig().mode(m.ThresholdsMode.ABSOLUTE).steps(made)


def _set(name: str, value: object) -> m.DynamicConfigValue:
    return m.DynamicConfigValue(id_val=name, value=value)
