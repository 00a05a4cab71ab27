"""A whole dashboard: its rows, variables, annotations and links to the others."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import dashboard as models

from monitoring.catalogue.dashboards.grafana.panels import panel_of
from monitoring.catalogue.dashboards.grafana.targets import GRAFANA, SOURCE
from monitoring.catalogue.dashboards.panel import Board, Row
from monitoring.catalogue.links import SITE_DOCS

TAG = "shop"
COLUMNS = 24
REFRESHES = ["5s", "10s", "30s", "1m", "5m", "15m", "1h"]
RANGES = {"15 minutes": "now-15m", "1 hour": "now-1h", "6 hours": "now-6h", "1 day": "now-24h", "30 days": "now-30d"}


def board_of(board: Board) -> models.Dashboard:
    """A dashboard as Grafana knows it."""
    builder = (
        builders.Dashboard(board.title)
        .uid(board.uid)
        .description(board.text)
        .tags([TAG])
        .readonly()
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .refresh(board.refresh)
        .time(board.since, "now")
        .timepicker(timepicker())
        .variables([*variables(board)])
        .annotations([*annotations()])
        .links([*links()])
    )
    built = builder.build()
    built.panels = [*laid_out(board)]
    return built


def laid_out(board: Board) -> Iterator[models.Panel | models.RowPanel]:
    """Panels from left to right and from above downwards, each row below its title."""
    y = 0
    for row in board.rows:
        title = builders.Row(row.title).id(row.id).build()
        title.grid_pos = models.GridPos(x=0, y=y, w=COLUMNS, h=1)
        title.collapsed = row.folded
        y += 1
        panels = [panel_of(board, row, panel, place) for panel, place in zip(row.panels, places(row, y), strict=True)]
        title.panels = panels if row.folded else []
        yield title
        yield from () if row.folded else panels
        y = max(panel.grid_pos.y + panel.grid_pos.h for panel in panels if panel.grid_pos)


def places(row: Row, y: int) -> Iterator[models.GridPos]:
    """The next free place for each panel; a line is as high as its highest panel."""
    x = height = 0
    for panel in row.panels:
        if x + panel.width > COLUMNS:
            x, y, height = 0, y + height, 0
        yield models.GridPos(x=x, y=y, w=panel.width, h=panel.height)
        x, height = x + panel.width, max(height, panel.height)


def timepicker() -> builders.TimePicker:
    ranges = [builders.TimeOption().display(f"Last {text}").from_val(since).to("now") for text, since in RANGES.items()]
    return builders.TimePicker().refresh_intervals(REFRESHES).quick_ranges([*ranges])


def variables(board: Board) -> Iterator[builders.DatasourceVariable | builders.QueryVariable]:
    """What can be chosen at the top of the page."""
    yield builders.DatasourceVariable("datasource").label("Data source").type("prometheus")
    up = 'up{environment=~"$environment"'
    # Only a Prometheus that gathers from several places names them; `.*` also means those that do not.
    yield choice("environment", "label_values(up, environment)", everything=".*")
    yield choice("job", f'label_values({up},job=~"{board.jobs}"}}, job)', everything=board.jobs)
    yield choice("instance", f'label_values({up},job=~"$job"}}, instance)', everything=".+")
    if board.by_path:
        requests = 'http_requests_total{environment=~"$environment",job=~"$job"}'
        yield choice("path", f"label_values({requests}, path)", everything=".+")


def choice(name: str, query: str, *, everything: str) -> builders.QueryVariable:
    """A label's values, any number of them, asked for again whenever the time range changes."""
    return (
        builders.QueryVariable(name)
        .label(name.capitalize())
        .datasource(SOURCE)
        .query(query)
        .definition(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(everything)
        .current(models.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def annotations() -> Iterator[builders.AnnotationQuery]:
    """Marks across all panels: alerts, releases, flags that were turned."""
    yield (
        asked("Alerts", 'ALERTS{alertstate="firing",severity=~"critical|warning"}', color="red")
        .title_format("{{alertname}}")
        .text_format("{{severity}}: {{service}}")
        .tag_keys("severity,service")
    )
    versions = 'count by (version) (app_build_info{environment=~"$environment"})'
    released = f'{versions} unless count by (version) (app_build_info{{environment=~"$environment"}} offset 2m)'
    yield asked("Releases", released, color="blue").title_format("Version {{version}}").text_format("first seen")
    yield posted("Deployments", "deployment", color="blue")
    yield posted("Flag changes", "flag", color="purple")


def asked(name: str, expr: str, *, color: str) -> builders.AnnotationQuery:
    """What Prometheus knows."""
    return builders.AnnotationQuery().name(name).datasource(SOURCE).enable(True).icon_color(color).expr(expr).step("1m")


def posted(name: str, tag: str, *, color: str) -> builders.AnnotationQuery:
    """What the site has told Grafana."""
    query = builders.AnnotationQuery().name(name).datasource(GRAFANA).enable(True).icon_color(color).type("tags")
    query.build().target = Posted(tags=[tag], limit=100, match_any=True, type_val="tags")
    return query


class Posted(models.AnnotationTarget, Dataquery):
    """What to ask Grafana itself for: annotations by their tags."""


def links() -> Iterator[builders.DashboardLink]:
    """The other dashboards, at the same time and with the same choices, and the documents."""
    yield (
        builders.DashboardLink("Dashboards")
        .type(models.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
    )
    for title, address in {
        "Runbooks": f"{SITE_DOCS}/runbooks/",
        "Monitoring guide": f"{SITE_DOCS}/monitoring/",
    }.items():
        yield (
            builders.DashboardLink(title)
            .type(models.DashboardLinkType.LINK)
            .icon("doc")
            .url(address)
            .target_blank(True)
        )
