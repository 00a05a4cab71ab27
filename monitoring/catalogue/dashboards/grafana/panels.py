"""One panel in full: its picture, its place, its words, colours, marks and links."""

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

from monitoring.catalogue.alerts import Alert
from monitoring.catalogue.dashboards.grafana.targets import SOURCE, target_of
from monitoring.catalogue.dashboards.grafana.views import draw
from monitoring.catalogue.dashboards.panel import Board, Column, Dial, Panel, Row, Stat, Table
from monitoring.catalogue.dashboards.thresholds import alerts_of, has_mark, steps_of
from monitoring.catalogue.links import runbook_url

NOTHING = "–"
YES_NO = {
    "0": models.ValueMappingResult(text="No", index=0),
    "1": models.ValueMappingResult(text="Yes", index=1),
}


def panel_of(board: Board, row: Row, panel: Panel, place: models.GridPos) -> models.Panel:
    """A panel where it belongs."""
    alerts = alerts_of(board, panel)
    built = draw(panel, marked=any(has_mark(alert) for alert in alerts))
    built.id_val = panel.id
    built.title = panel.title
    built.description = described(panel, alerts)
    built.datasource = SOURCE
    built.grid_pos = place
    built.targets = [target_of(query, number=number) for number, query in enumerate(panel.queries)]
    built.links = runbooks(row, alerts)
    field_config = built.field_config or models.FieldConfigSource()
    field_config.defaults = fields(field_config.defaults or models.FieldConfig(), panel, alerts)
    field_config.overrides = overrides(panel)
    built.field_config = field_config
    return built


def described(panel: Panel, alerts: tuple[Alert, ...]) -> str:
    """What it shows, and which alerts watch it."""
    watched = [f"**{alert.name}** ({alert.severity}): {limit_of(alert, panel)}" for alert in alerts if has_mark(alert)]
    return "\n\n".join([panel.text, *dict.fromkeys(watched)])


def limit_of(alert: Alert, panel: Panel) -> str:
    """`> 2 % for 5m`."""
    value = f"{alert.threshold * 100:g} %" if panel.unit == "percentunit" else f"{alert.threshold:g}"
    seconds = " s" if panel.unit in {"s", "dtdurations"} else ""
    return f"{alert.op} {value}{seconds} for {alert.for_}"


def runbooks(row: Row, alerts: tuple[Alert, ...]) -> list[models.DashboardLink]:
    """Where to read on: the runbooks of its alerts, else of what most often goes wrong with its row."""
    names = dict.fromkeys(alert.name for alert in alerts) or {row.runbook: None}
    return [
        builders.DashboardLink(f"Runbook: {name}")
        .type(models.DashboardLinkType.LINK)
        .url(runbook_url(name))
        .target_blank(True)
        .build()
        for name in names
    ]


def fields(defaults: models.FieldConfig, panel: Panel, alerts: tuple[Alert, ...]) -> models.FieldConfig:
    """What holds for all values of a panel."""
    defaults.unit = panel.unit
    defaults.decimals = panel.decimals
    defaults.max_val = panel.maximum
    defaults.min_val = 0 if panel.maximum is not None else None
    defaults.no_value = panel.empty or NOTHING
    defaults.thresholds = models.ThresholdsConfig(
        mode=models.ThresholdsMode.ABSOLUTE,
        steps=[models.Threshold(value=value, color=color) for value, color in steps_of(alerts)],
    )
    by_mark = isinstance(panel.view, Stat | Dial)
    defaults.color = models.FieldColor(
        mode=models.FieldColorModeId.THRESHOLDS if by_mark else models.FieldColorModeId.PALETTE_CLASSIC_BY_NAME
    )
    if panel.unit == "bool_yes_no":
        defaults.mappings = [models.ValueMap(options=YES_NO)]
    return defaults


def overrides(panel: Panel) -> list[models.DashboardFieldConfigSourceOverrides]:
    """Colours of series by their names; of a table, what each column is."""
    if isinstance(panel.view, Table):
        return [column_of(column, panel) for column in panel.view.columns]
    return [
        models.DashboardFieldConfigSourceOverrides(
            matcher=models.MatcherConfig(id_val="byRegexp", options=f"/{pattern}/"),
            properties=[models.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})],
        )
        for pattern, color in panel.colors
    ] + [DASHED for query in panel.queries if query.legend.endswith(" ago")]


DASHED = models.DashboardFieldConfigSourceOverrides(
    matcher=models.MatcherConfig(id_val="byRegexp", options="/ ago$/"),
    properties=[models.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [6, 6]})],
)


def column_of(column: Column, panel: Panel) -> models.DashboardFieldConfigSourceOverrides:
    """Unit, link and colours of one column."""
    properties = [models.DynamicConfigValue("unit", column.unit)]
    if column.link:
        links = [{"title": "Read on", "url": column.link, "targetBlank": column.link.startswith("http")}]
        properties.append(models.DynamicConfigValue("links", links))
    elif column.unit == "string" and panel.colors:
        mappings = [
            {"type": "regex", "options": {"pattern": pattern, "result": {"color": color, "index": index}}}
            for index, (pattern, color) in enumerate(panel.colors)
        ]
        properties.append(models.DynamicConfigValue("mappings", mappings))
        properties.append(models.DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
    return models.DashboardFieldConfigSourceOverrides(
        matcher=models.MatcherConfig(id_val="byName", options=column.header), properties=properties
    )
