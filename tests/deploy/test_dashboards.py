"""The dashboards' files: what they are made from, what they must be, and whom they lead to."""

import copy
import json
import subprocess
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import units

from monitoring.catalogue.alerts import ALERTS, Alert
from monitoring.catalogue.dashboards import BOARDS, Board, Panel, files
from monitoring.catalogue.dashboards.lint import BOARD_RULES, PANEL_RULES, Knowledge, lint, panels
from monitoring.catalogue.dashboards.panel import number_of
from monitoring.catalogue.dashboards.selectors import selectors
from monitoring.catalogue.dashboards.thresholds import alerts_of, has_mark, key_of, own_alerts, steps_of
from monitoring.catalogue.series import SAMPLES
from tests.binaries import require_binary
from tests.deploy.files import DEPLOY, ROOT, read_yaml

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="Prefer using dashboardv2", category=DeprecationWarning)
    from grafana_foundation_sdk.models.dashboard import Dashboard

    from monitoring.catalogue.dashboards.grafana.targets import SLOW_INTERVAL, SLOW_JOBS

FILES = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
UIDS = (
    "shop-overview",
    "shop-flash-sale",
    "shop-gifts-outbox",
    "shop-http",
    "shop-payments-wallet",
    "shop-realtime-imports",
    "shop-infrastructure",
    "shop-slo",
)
PAIRS = [pytest.param(board, panel, id=f"{board.uid}: {panel.title}") for board in BOARDS for panel in board.panels()]
# Grafana's variables, and what they are for a Prometheus that is asked without Grafana.
VARIABLES = {
    "$__rate_interval": "1m",
    "$__range": "1h",
    "$environment": ".*",
    "$job": ".+",
    "$instance": ".+",
    "$path": ".+",
}


def known_of(board: Board) -> Knowledge:
    return Knowledge(
        units=frozenset(value for value in vars(units).values() if isinstance(value, str)),
        counters=frozenset(name for name, series in SAMPLES.items() if series.kind != "gauge"),
        windows={panel.title: frozenset(panel.window.split()) for panel in board.panels()},
    )


@cache
def read(file: Path) -> dict[str, Any]:
    content = json.loads(file.read_text())
    assert isinstance(content, dict)
    return content


def without_grafana(expr: str) -> str:
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    return expr


def names_in(expr: str) -> set[str]:
    return {selector.name for selector in selectors(expr)}


# --- The files -------------------------------------------------------------------------------------------------------
def test_files__are_what_the_catalogue_says() -> None:
    assert {str(file.relative_to(ROOT)): file.read_text() for file in FILES} == files()
    assert {file.stem for file in FILES} == set(UIDS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file__is_read_by_grafanas_types_without_loss(file: Path) -> None:
    plugins.register_default_plugins()

    read_back = json.loads(json.dumps(Dashboard.from_json(read(file)), cls=JSONEncoder))

    assert read_back == read(file)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_file__breaks_no_rule(board: Board) -> None:
    dashboard = read(DEPLOY / "grafana" / "dashboards" / f"{board.uid}.json")

    assert lint(dashboard, known_of(board)) == []


def test_dashboards__lead_to_each_other_and_to_the_runbooks() -> None:
    for file in FILES:
        dashboard = read(file)
        by_tag, *addresses = dashboard["links"]
        assert (by_tag["tags"], by_tag["keepTime"], by_tag["includeVars"]) == (["shop"], True, True)
        assert "shop" in dashboard["tags"]
        assert any(link["url"].endswith("/runbooks/") for link in addresses)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_page__has_no_holes(board: Board) -> None:
    for row in board.rows:
        lines: dict[int, list[tuple[int, int]]] = {}
        for panel in row.panels:
            place = find(board.uid, panel.title)["gridPos"]
            lines.setdefault(place["y"], []).append((place["w"], place["h"]))

        assert {sum(width for width, _ in line) for line in lines.values()} == {24}
        assert all(len({height for _, height in line}) == 1 for line in lines.values())


def test_every_panel_of_the_sources__is_there() -> None:
    there = {seed for board in BOARDS for seed in board.seeds}
    there |= {seed for board in BOARDS for panel in board.panels() for seed in panel.seeds}

    assert there == {f"P{number}" for number in range(1, 38)} | {"PF1", "PF2", "PF3"}


def test_annotations__tell_of_alerts_releases_deployments_and_flags() -> None:
    for file in FILES:
        shown = {each["name"]: each for each in read(file)["annotations"]["list"]}
        assert list(shown) == ["Alerts", "Releases", "Deployments", "Flag changes"]
        assert all(each["enable"] for each in shown.values())
        assert [shown[name]["target"]["tags"] for name in ("Deployments", "Flag changes")] == [["deployment"], ["flag"]]


@pytest.mark.parametrize(
    ("uid", "refresh", "since"),
    [("shop-flash-sale", "5s", "now-15m"), ("shop-http", "30s", "now-1h"), ("shop-overview", "30s", "now-6h")],
)
def test_dashboard__is_as_fresh_and_looks_as_far_back_as_its_use_asks(uid: str, refresh: str, since: str) -> None:
    dashboard = read(DEPLOY / "grafana" / "dashboards" / f"{uid}.json")

    assert (dashboard["refresh"], dashboard["time"]["from"]) == (refresh, since)


# --- Alerts ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("alert", ALERTS, ids=key_of)
def test_alert__has_a_panel_that_draws_its_figure(alert: Alert) -> None:
    [panel] = [panel for board in BOARDS for panel in board.panels() if alert in own_alerts(board, panel)]

    asked = {name for query in panel.queries for name in names_in(query.expr)} | {
        name for query in panel.queries for name in query.expr.split() if name.startswith("slo:")
    }
    measured = {name for name in SAMPLES if name in alert.measure.replace("{", " ").replace("(", " ").split()}
    if has_mark(alert):
        assert measured <= asked


@pytest.mark.parametrize(("board", "panel"), PAIRS)
def test_panel__is_marked_where_its_alerts_fire(board: Board, panel: Panel) -> None:
    built = find(board.uid, panel.title)
    steps = [(each["value"], each["color"]) for each in built["fieldConfig"]["defaults"]["thresholds"]["steps"]]
    alerts = alerts_of(board, panel)

    assert steps == [tuple(step) for step in steps_of(alerts)]
    for alert in filter(has_mark, alerts):
        assert alert.threshold in [value for value, _ in steps] or (alert.threshold == 0 and 0.001 in dict(steps))
        assert alert.name in built["description"]
        assert any(link["url"].endswith(f"/runbooks/{alert.name}/") for link in built["links"])
    assert set(panel.alerts) <= {key_of(alert) for alert in ALERTS}


def find(uid: str, title: str) -> dict[str, Any]:
    dashboard = read(DEPLOY / "grafana" / "dashboards" / f"{uid}.json")
    return next(dict(panel) for panel in panels(dashboard) if panel["title"] == title)


@pytest.mark.parametrize("row", [row for board in BOARDS for row in board.rows], ids=lambda row: row.title)
def test_row__leads_to_the_runbook_of_an_alert_that_exists(row: Any) -> None:
    assert row.runbook in {alert.name for alert in ALERTS}


# --- Queries ---------------------------------------------------------------------------------------------------------
def test_queries__ask_for_series_that_the_catalogue_knows() -> None:
    asked = {
        name for board in BOARDS for panel in board.panels() for query in panel.queries for name in names_in(query.expr)
    }

    assert asked - set(SAMPLES) == set()


def test_queries__are_valid_promql(tmp_path: Path) -> None:
    promtool = require_binary("promtool")
    exprs = [query.expr for board in BOARDS for panel in board.panels() for query in panel.queries]
    exprs += [each["expr"] for file in FILES for each in read(file)["annotations"]["list"] if "expr" in each]
    rules = [{"record": f"query:{number}", "expr": without_grafana(expr)} for number, expr in enumerate(exprs)]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))

    done = subprocess.run(
        [promtool, "check", "rules", "--lint=none", file], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(exprs)} rules found" in done.stdout


def test_jobs_that_are_scraped_less_often__are_asked_over_longer_times() -> None:
    config = read_yaml(DEPLOY / "prometheus" / "prometheus.yml")
    slow = {job["job_name"] for job in config["scrape_configs"] if job.get("scrape_interval") == SLOW_INTERVAL}
    [node] = find("shop-overview", "CPU Usage %")["targets"]
    [web] = find("shop-overview", "Request Rate by Service")["targets"]

    assert slow - {"grafana"} <= SLOW_JOBS
    assert (node["interval"], web.get("interval")) == (SLOW_INTERVAL, None)


def test_panel_id__stays_when_others_come_and_go() -> None:
    assert find("shop-overview", "Error Rate %")["id"] == number_of("Error Rate %") == 20857


# --- The linter itself -----------------------------------------------------------------------------------------------
def lost(*path: str | int) -> Callable[[Any], None]:
    """Sets what lies at a path to nothing."""

    def lose(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        value[path[-1]] = type(value[path[-1]])()

    return lose


def variable(name: str, field: str, value: Any) -> Callable[[Any], None]:
    def change(dashboard: Any) -> None:
        next(each for each in dashboard["templating"]["list"] if each["name"] == name)[field] = value

    return change


def query(expr: str) -> Callable[[Any], None]:
    def change(dashboard: Any) -> None:
        dashboard["panels"][1]["targets"][0]["expr"] = expr

    return change


CHOSEN = 'environment=~"$environment",job=~"$job",instance=~"$instance"'
BREAKS: dict[str, Callable[[Any], None]] = {
    "template-datasource-rule": variable("datasource", "name", "source"),
    "template-job-rule": variable("job", "multi", value=False),
    "template-instance-rule": variable("instance", "allValue", ".*"),
    "template-label-promql-rule": variable("job", "query", "up"),
    "template-on-time-change-reload-rule": variable("job", "refresh", 1),
    "uneditable-dashboard": lambda dashboard: dashboard.update(editable=True),
    "panel-ids": lambda dashboard: dashboard["panels"][1].update(id=dashboard["panels"][2]["id"]),
    "panel-places": lambda dashboard: dashboard["panels"][1]["gridPos"].update(x=3),
    "panel-datasource-rule": lambda dashboard: dashboard["panels"][1]["datasource"].update(uid="prometheus"),
    "panel-title-description-rule": lost("panels", 1, "description"),
    "panel-units-rule": lambda dashboard: dashboard["panels"][1]["fieldConfig"]["defaults"].update(unit="apples"),
    "panel-no-targets-rule": lost("panels", 1, "targets", 0, "refId"),
    "target-rate-interval-rule": query(f"sum(rate(orders_created_total{{{CHOSEN}}}[2m]))"),
    "target-job-rule": query('orders_pending{instance=~"$instance"}'),
    "target-instance-rule": query('orders_pending{job=~"$job"}'),
    "target-counter-agg-rule": query(f"sum(orders_created_total{{{CHOSEN}}})"),
    "target-selector": query("sum(orders_pending)"),
    "panel-runbook": lost("panels", 1, "links"),
    "panel-readable": lambda dashboard: dashboard["panels"][1]["options"].update(reduceOptions={"calcs": []}),
    "panel-thresholds": lambda dashboard: dashboard["panels"][1]["fieldConfig"]["defaults"]["thresholds"].update(
        steps=[{"value": None}, {"value": 3}, {"value": 2}]
    ),
}


def test_every_rule__has_a_case_that_breaks_it() -> None:
    assert list(BREAKS) == [*BOARD_RULES, *PANEL_RULES]


@pytest.mark.parametrize("rule", BREAKS)
def test_dashboard_that_breaks_a_rule__is_found(rule: str) -> None:
    board = next(board for board in BOARDS if board.uid == "shop-flash-sale")
    dashboard = copy.deepcopy(read(DEPLOY / "grafana" / "dashboards" / "shop-flash-sale.json"))

    BREAKS[rule](dashboard)

    assert {finding.rule for finding in lint(dashboard, known_of(board))} == {rule}
