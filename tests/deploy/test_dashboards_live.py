"""Every query of every dashboard, asked of a real Prometheus after a day of a real site."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from monitoring.catalogue.dashboards import BOARDS, Board, Panel, Query
from monitoring.catalogue.dashboards.lint import LABEL_QUERY
from tests.deploy.day import Day
from tests.deploy.test_dashboards import FILES, read
from tests.live import LiveSite, wait_for

pytestmark = [pytest.mark.xdist_group("dashboards"), pytest.mark.slow]

PANELS = [(board, panel) for board in BOARDS for panel in board.panels()]
STEP_SECONDS = 5
# What no day fills, however busy; something may fail, and an alert fire, on any.
CANNOT_SHOW = {"cluster", "redis_limit", "backups", "alertmanagers"}
WAIT_SECONDS = 60


@pytest.fixture(scope="module")
def day() -> Iterator[Day]:
    with TemporaryDirectory(prefix="day-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        site = LiveSite(folder / "site", FAULTS="1", THROTTLE_USER="1000000/min", THROTTLE_ANON="1000000/min")
        day = Day(site, folder)
        try:
            site.prepare()
            site.start()
            with day.watched():
                day.pass_by()
                yield day
        finally:
            # What follows looks at what was measured, not at how a busy site stops.
            for process in list(site.processes):
                site.kill(process)
            site.stop()


def filled(expr: str, board: Board) -> str:
    """An expression with what Grafana puts in for its variables when all is chosen."""
    values = {
        "$__rate_interval": "30s",
        "$__range": "5m",
        "$environment": ".*",
        "$job": board.jobs,
        "$instance": ".+",
        "$path": ".+",
    }
    return re.sub("|".join(map(re.escape, values)), lambda found: values[found[0]], expr)


def answer(day: Day, board: Board, query: Query) -> list[float]:
    """Every number that it gives, as Grafana asks for it: over the day, or at its noon."""
    expr = filled(query.expr, board)
    if query.now:
        samples = [series["value"] for series in day.ask("query", query=expr, time=day.noon)["result"]]
    else:
        result = day.ask("query_range", query=expr, start=day.began, end=day.noon, step=STEP_SECONDS)["result"]
        samples = [sample for series in result for sample in series["values"]]
    return [float(value) for _, value in samples if value != "NaN"]


def empty(day: Day, board: Board, panel: Panel) -> list[str]:
    """Queries of a panel that give nothing."""
    return [query.expr for query in panel.queries if not answer(day, board, query)]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_every_panel__shows_the_day(day: Day, board: Board) -> None:
    blank = {panel.title: found for panel in board.panels() if not panel.quiet and (found := empty(day, board, panel))}

    assert blank == {}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_variable__offers_something_and_every_annotation_can_be_asked(day: Day, file: Path) -> None:
    dashboard = read(file)
    [board] = [board for board in BOARDS if board.uid == file.stem]

    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            found = LABEL_QUERY.fullmatch(variable["query"])
            assert found
            values = day.ask(f"label/{found['label']}/values", **{"match[]": filled(found["selector"], board)})
            assert values or variable["name"] == "environment"
    for annotation in dashboard["annotations"]["list"]:
        if "expr" in annotation:
            day.ask("query", query=filled(annotation["expr"], board))


def test_panels_that_are_empty_while_all_is_well__fill_when_it_is_not(day: Day, record_property) -> None:
    quiet = [(board, panel) for board, panel in PANELS if panel.quiet]
    blank = {panel.title for board, panel in quiet if empty(day, board, panel)}
    assert {panel.title for _, panel in quiet if panel.quiet in CANNOT_SHOW} <= blank

    with day.gone_wrong():

        def all_filled() -> bool:
            day.noon = time.time()
            return not [panel.title for board, panel in quiet if empty(day, board, panel)]

        wait_for(all_filled, "all panels to fill", WAIT_SECONDS)

    queries = sum(len(panel.queries) for _, panel in PANELS)
    record_property(
        "summary",
        f"dashboards: {queries}/{queries} queries of {len(PANELS)} panels answered by Prometheus after a day,"
        f" {len(quiet)} of them under a fault",
    )
