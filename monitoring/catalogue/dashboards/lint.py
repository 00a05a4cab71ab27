"""What a dashboard's file must be, after the rules of Grafana's own dashboard-linter, and a few of ours."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from monitoring.catalogue.dashboards.selectors import Selector, bare_names, ranges, selectors, sums_of_counters

Json = Mapping[str, Any]
SOURCE = "${datasource}"
RATE_INTERVAL = "$__rate_interval"
LABEL_QUERY = re.compile(r"label_values\((?P<selector>.+), (?P<label>\w+)\)")
# Served by whatever the place has: each with the reason why its job is not ours to name.
OTHERS_JOBS = {
    "up": "says how every target is",
    "kube_": "the cluster's own exporter, under a job of its choice",
    "container_": "the cluster's own exporter, under a job of its choice",
    "backup_": "written by a command beside any exporter",
    "restore_drill_": "written by a command beside any exporter",
    "ALERTS": "Prometheus' own, without a target",
}
COLUMNS = 24


@dataclass(frozen=True)
class Finding:
    """A rule that a panel, or the dashboard itself, breaks."""

    rule: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.rule}: {self.text}"


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """What the file alone does not say: units that exist, counters, and the ranges that panels may look back over."""

    units: frozenset[str]
    counters: frozenset[str]
    windows: Mapping[str, frozenset[str]] = field(default_factory=dict)


def lint(dashboard: Json, known: Knowledge) -> list[Finding]:
    """Everything that is wrong with a dashboard."""
    found = [
        Finding(rule, dashboard["title"], text) for rule, check in BOARD_RULES.items() for text in check(dashboard)
    ]
    for panel in panels(dashboard):
        for rule, check_panel in PANEL_RULES.items():
            found += [Finding(rule, panel.get("title", "?"), text) for text in check_panel(panel, known)]
    return found


def panels(dashboard: Json) -> Iterator[Json]:
    """Panels, those in folded rows among them; no rows."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def variable(dashboard: Json, name: str) -> Json | None:
    return next((each for each in dashboard["templating"]["list"] if each["name"] == name), None)


# --- The dashboard ---------------------------------------------------------------------------------------------------
def one_datasource(dashboard: Json) -> Iterator[str]:
    sources = [each for each in dashboard["templating"]["list"] if each["type"] == "datasource"]
    if [(each["name"], each["query"]) for each in sources] != [("datasource", "prometheus")]:
        yield "there is not exactly one variable `datasource` for a Prometheus"


def choices(name: str) -> Callable[[Json], Iterator[str]]:
    """A variable that chooses any number of values of a label."""

    def check(dashboard: Json) -> Iterator[str]:
        found = variable(dashboard, name)
        if found is None:
            yield f"no variable `{name}`"
        elif not (found["multi"] and found["includeAll"] and found.get("allValue", ".*") != ".*"):
            yield f"`{name}` does not choose any number of values, or all by a pattern that needs the label"

    return check


def labels_asked(dashboard: Json) -> Iterator[str]:
    for each in dashboard["templating"]["list"]:
        if each["type"] == "query" and not LABEL_QUERY.fullmatch(each["query"]):
            yield f"`{each['name']}` does not ask for a label's values"


def reloads(dashboard: Json) -> Iterator[str]:
    for each in dashboard["templating"]["list"]:
        if each["type"] == "query" and each["refresh"] != 2:
            yield f"`{each['name']}` does not follow the time range"


def not_editable(dashboard: Json) -> Iterator[str]:
    if dashboard["editable"]:
        yield "it can be edited in the browser, and loses that at the next start"


def own_ids(dashboard: Json) -> Iterator[str]:
    rows = [each for each in dashboard["panels"] if each["type"] == "row"]
    ids = Counter(each["id"] for each in [*rows, *panels(dashboard)])
    yield from (f"{times} panels have the id {number}" for number, times in ids.items() if times > 1)


def fits(dashboard: Json) -> Iterator[str]:
    """No panel lies on another or beside the page."""
    taken: dict[tuple[int, int], str] = {}
    for panel in panels(dashboard):
        place = panel["gridPos"]
        if place["x"] + place["w"] > COLUMNS:
            yield f"`{panel['title']}` is wider than the page"
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if taken.setdefault((x, y), panel["title"]) != panel["title"]:
                    yield f"`{panel['title']}` lies on `{taken[x, y]}`"
                    return


# --- A panel ---------------------------------------------------------------------------------------------------------
def from_datasource(panel: Json, known: Knowledge) -> Iterator[str]:
    if {each["datasource"]["uid"] for each in [panel, *panel["targets"]]} != {SOURCE}:
        yield "it does not ask the chosen datasource"


def described(panel: Json, known: Knowledge) -> Iterator[str]:
    for name in ("title", "description"):
        if not panel.get(name):
            yield f"no {name}"


def in_a_unit(panel: Json, known: Knowledge) -> Iterator[str]:
    unit = panel["fieldConfig"]["defaults"].get("unit")
    if unit not in known.units:
        yield f"no unit, or none that exists: {unit}"


def asks(panel: Json, known: Knowledge) -> Iterator[str]:
    if not [each["expr"] for each in panel["targets"] if each["expr"]]:
        yield "it asks for nothing"
    names = [each["refId"] for each in panel["targets"]]
    if len(set(names)) != len(names) or not all(names):
        yield "two queries have one name, or none"


def looks_back(panel: Json, known: Knowledge) -> Iterator[str]:
    allowed = known.windows.get(panel["title"], frozenset()) | {RATE_INTERVAL}
    for expr in exprs(panel):
        if others := set(ranges(expr)) - allowed:
            yield f"it looks back over {', '.join(sorted(others))}"


def names_job(panel: Json, known: Knowledge) -> Iterator[str]:
    for selector in of_targets(panel):
        if selector.matchers.get("job") != '=~"$job"' and not selector.one_job:
            yield f"{selector.name} of any job"


def names_instance(panel: Json, known: Knowledge) -> Iterator[str]:
    """What one job alone serves is not chosen by instance: choosing a web process must not empty the stock."""
    for selector in of_targets(panel):
        if selector.matchers.get("instance") != '=~"$instance"' and not selector.one_job:
            yield f"{selector.name} of any instance"


def rates_counters(panel: Json, known: Knowledge) -> Iterator[str]:
    for expr in exprs(panel):
        for name in sums_of_counters(expr, known.counters):
            yield f"{name} is a counter: it only means something as a rate or an increase"


def selects(panel: Json, known: Knowledge) -> Iterator[str]:
    for expr in exprs(panel):
        yield from (f"{name} has no matchers" for name in bare_names(expr))


def leads_on(panel: Json, known: Knowledge) -> Iterator[str]:
    if not any("/runbooks/" in link["url"] for link in panel["links"]):
        yield "no link to a runbook"


def readable(panel: Json, known: Knowledge) -> Iterator[str]:
    """What the package leaves empty unless it is told."""
    options = panel["options"]
    if (
        "legend" in options
        and panel["type"] != "bargauge"
        and options["legend"].get("showLegend", options["legend"].get("show")) is False
    ):
        yield "the legend is hidden"
    if "reduceOptions" in options and not options["reduceOptions"]["calcs"]:
        yield "nobody says which value is shown"


def rising_steps(panel: Json, known: Knowledge) -> Iterator[str]:
    values = [each["value"] for each in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
    if values[0] is not None or None in values[1:] or values[1:] != sorted(values[1:]):
        yield "thresholds do not rise from the bottom"


def exprs(panel: Json) -> Iterable[str]:
    return (target["expr"] for target in panel["targets"])


def of_targets(panel: Json) -> Iterator[Selector]:
    """Selectors of series that processes serve."""
    for expr in exprs(panel):
        for selector in selectors(expr):
            if ":" not in selector.name and not selector.name.startswith(tuple(OTHERS_JOBS)):
                yield selector


BOARD_RULES: dict[str, Callable[[Json], Iterator[str]]] = {
    "template-datasource-rule": one_datasource,
    "template-job-rule": choices("job"),
    "template-instance-rule": choices("instance"),
    "template-label-promql-rule": labels_asked,
    "template-on-time-change-reload-rule": reloads,
    "uneditable-dashboard": not_editable,
    "panel-ids": own_ids,
    "panel-places": fits,
}
PANEL_RULES: dict[str, Callable[[Json, Knowledge], Iterator[str]]] = {
    "panel-datasource-rule": from_datasource,
    "panel-title-description-rule": described,
    "panel-units-rule": in_a_unit,
    "panel-no-targets-rule": asks,
    "target-rate-interval-rule": looks_back,
    "target-job-rule": names_job,
    "target-instance-rule": names_instance,
    "target-counter-agg-rule": rates_counters,
    "target-selector": selects,
    "panel-runbook": leads_on,
    "panel-readable": readable,
    "panel-thresholds": rising_steps,
}
