"""Heatmaps of gauge histograms: how many stand in each bucket at each moment.

Law: one hue from faint to full instead of a rainbow, so that more is darker for everybody who looks.
"""

from __future__ import annotations

from deploy.render.dashboards.frame import SOURCE
from deploy.render.dashboards.palette import BLUE, GREY
from deploy.render.dashboards.panels import NO_DATA
from deploy.render.dashboards.sdk import heatmap, mc, mh, mp, prometheus


def heat(title: str, about: str, unit: str, expr: str) -> heatmap.Panel:
    """Buckets over time. `expr` yields one series for each `le`, cumulative; `unit` is that of the bounds, cells are counts."""
    query = prometheus.Dataquery().ref_id("A").datasource(SOURCE).expr(expr).legend_format("{{le}}")
    query = query.editor_mode(mp.QueryEditorMode.CODE).range().format(mp.PromQueryFormat.HEATMAP)
    return (
        heatmap.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .unit("none")
        .targets([query])
        .no_value(NO_DATA)
        .calculate(False)
        .cell_gap(1)
        .color(
            heatmap.HeatmapColorOptions()
            .mode(mh.HeatmapColorMode.OPACITY)
            .fill(BLUE)
            .scale(mh.HeatmapColorScale.EXPONENTIAL)
            .exponent(0.5)
            .steps(64)
            .reverse(False)
        )
        .filter_values(heatmap.FilterValueRange().le(1e-9))
        .rows_frame(heatmap.RowsHeatmapOptions().layout(mc.HeatmapCellLayout.AUTO))
        .cell_values(heatmap.CellValues().unit("none").decimals(0))
        .y_axis(heatmap.YAxisConfig().unit(unit).axis_placement(mc.AxisPlacement.LEFT).reverse(False))
        .show_legend()
        .exemplars_color(GREY)
        .tooltip(heatmap.HeatmapTooltip().mode(mc.TooltipDisplayMode.SINGLE).y_histogram(True).show_color_scale(False))
    )
