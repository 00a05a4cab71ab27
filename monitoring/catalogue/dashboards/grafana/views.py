"""Each kind of picture, with the options that make it readable."""

from collections.abc import Sequence
from typing import assert_never

from grafana_foundation_sdk.builders import bargauge, common, gauge, heatmap, piechart, stat, table, timeseries
from grafana_foundation_sdk.models import common as commons
from grafana_foundation_sdk.models import heatmap as heatmaps
from grafana_foundation_sdk.models import piechart as piecharts
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig
from grafana_foundation_sdk.models.dashboard import Panel as Built

from monitoring.catalogue.dashboards.panel import Bars, Column, Dial, Heat, Lines, Panel, Pie, Stat, Table


def draw(panel: Panel, *, marked: bool) -> Built:
    """The bare picture; `marked`: an alert's number is drawn across it."""
    match panel.view:
        case Lines():
            built = lines(panel.view, marked=marked)
        case Stat():
            built = large_numbers(panel.view)
        case Dial():
            built = gauge.Panel().reduce_options(newest()).show_threshold_markers(True).build()
        case Pie():
            built = pie()
        case Bars():
            built = bars()
        case Heat():
            built = heat(panel.view)
        case Table():
            built = rows(panel.view)
        case _:
            assert_never(panel.view)
    return built


def newest() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def lines(view: Lines, *, marked: bool) -> Built:
    style = commons.GraphThresholdsStyleMode.DASHED if marked else commons.GraphThresholdsStyleMode.OFF
    stacking = commons.StackingMode.NORMAL if view.stacked else commons.StackingMode.NONE
    panel = (
        timeseries.Panel()
        .line_width(1.5)
        .fill_opacity(30 if view.stacked else 8)
        .show_points(commons.VisibilityMode.AUTO)
        .stacking(common.StackingConfig().mode(stacking).group("A"))
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(style))
        .axis_soft_min(0)
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(commons.LegendDisplayMode.LIST)
            .placement(commons.LegendPlacement.BOTTOM)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(common.VizTooltipOptions().mode(commons.TooltipDisplayMode.MULTI).sort(commons.SortOrder.DESCENDING))
    )
    if view.logarithmic:
        panel.scale_distribution(common.ScaleDistributionConfig().type(commons.ScaleDistribution.LOG).log(10))
    return panel.build()


def large_numbers(view: Stat) -> Built:
    graph = commons.BigValueGraphMode.AREA if view.trend else commons.BigValueGraphMode.NONE
    return (
        stat.Panel()
        .reduce_options(newest())
        .graph_mode(graph)
        .color_mode(commons.BigValueColorMode.VALUE)
        .text_mode(commons.BigValueTextMode.AUTO)
        .justify_mode(commons.BigValueJustifyMode.AUTO)
        .build()
    )


def pie() -> Built:
    legend = (
        piechart.PieChartLegendOptions()
        .show_legend(True)
        .display_mode(commons.LegendDisplayMode.TABLE)
        .placement(commons.LegendPlacement.RIGHT)
        .values([piecharts.PieChartLegendValues.VALUE, piecharts.PieChartLegendValues.PERCENT])
    )
    return piechart.Panel().pie_type(piecharts.PieChartType.DONUT).reduce_options(newest()).legend(legend).build()


def bars() -> Built:
    return (
        bargauge.Panel()
        .reduce_options(newest())
        .display_mode(commons.BarGaugeDisplayMode.BASIC)
        .orientation(commons.VizOrientation.VERTICAL)
        .show_unfilled(False)
        .build()
    )


def heat(view: Heat) -> Built:
    color = (
        heatmap.HeatmapColorOptions()
        .mode(heatmaps.HeatmapColorMode.SCHEME)
        .scheme("Blues")
        .scale(heatmaps.HeatmapColorScale.EXPONENTIAL)
        .exponent(0.5)
        .steps(64)
    )
    return (
        heatmap.Panel()
        .calculate(False)
        .color(color)
        .y_axis(heatmap.YAxisConfig().unit(view.axis))
        .cell_values(heatmap.CellValues().unit("short"))
        .show_legend()
        .tooltip(heatmap.HeatmapTooltip().mode(commons.TooltipDisplayMode.SINGLE).y_histogram(True))
        .build()
    )


def rows(view: Table) -> Built:
    """Only the columns that were asked for, in their order and under their headers."""
    panel = table.Panel().show_header(True).cell_height(commons.TableCellHeight.SM).filterable(True)
    for transformation in picked(view.columns):
        panel.with_transformation(transformation)
    order = common.TableSortByFieldState().display_name(view.sort_by).desc(not view.alphabetical)
    return panel.sort_by([order]).build()


def picked(columns: Sequence[Column]) -> list[DataTransformerConfig]:
    fields = [column.field for column in columns]
    return [
        DataTransformerConfig(id_val="merge", options={}),
        DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": fields}}),
        DataTransformerConfig(
            id_val="organize",
            options={
                "indexByName": {field: place for place, field in enumerate(fields)},
                "renameByName": {column.field: column.header for column in columns},
            },
        ),
    ]
