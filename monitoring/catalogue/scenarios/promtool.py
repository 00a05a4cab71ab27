"""Scenarios in the form of `promtool test rules`."""

from collections.abc import Iterator
from typing import Any

from monitoring.catalogue.alerts import ALERTS, Alert
from monitoring.catalogue.rules import groups_of
from monitoring.catalogue.scenarios.scenario import Feeds, Reading, Scenario, Standing

Yaml = dict[str, Any]

ALERTS_BY_KEY = {(alert.name, alert.scope): alert for alert in ALERTS}


def suite(
    file: str, scenarios: list[Scenario], readings: list[Reading], *, always: list[Standing], evaluated_every: int
) -> Yaml:
    """One test file of promtool, for one file of rules."""
    tests = [standing_test(each) for each in always]
    tests += [test for scenario in scenarios for test in tests_of(scenario)]
    return {
        "rule_files": [f"../rules/{file}.yml"],
        "evaluation_interval": f"{evaluated_every}m",
        # Promtool takes groups in any order; an alert may ask for what a group before it records.
        "group_eval_order": [group["name"] for group in groups_of(file)],
        "tests": tests + [reading_test(reading) for reading in readings],
    }


def tests_of(scenario: Scenario) -> Iterator[Yaml]:
    """Fires and resolves, each at its minute; then what leaves it silent."""
    alert = ALERTS_BY_KEY[scenario.alert, scenario.scope]
    title = f"{scenario.alert} {scenario.scope}".strip()
    yield {
        "name": f"{title} fires and resolves",
        "interval": "1m",
        "input_series": inputs(scenario.feeds, scenario.bounds),
        "alert_rule_test": [
            moment(alert, scenario.fires - scenario.evaluated_every),
            moment(alert, scenario.heals - scenario.evaluated_every, firing(alert, scenario)),
            moment(alert, scenario.resolves),
        ],
        "promql_expr_test": [
            state(alert, scenario.fires, 1),
            state(alert, scenario.resolves - scenario.evaluated_every, 1),
        ],
    }
    for number, feeds in enumerate(scenario.quiet, start=1):
        yield {
            "name": f"{title} stays silent ({number})",
            "interval": "1m",
            "input_series": inputs(feeds, scenario.quiet_bounds(feeds)),
            "alert_rule_test": [moment(alert, scenario.heals)],
            "promql_expr_test": [never_fired(alert, scenario.heals)],
        }


def standing_test(standing: Standing) -> Yaml:
    alert = ALERTS_BY_KEY[standing.alert, ""]
    expected = {
        "exp_labels": alert.labels,
        "exp_annotations": {**alert.annotations, "description": standing.description},
    }
    return {
        "name": f"{standing.alert} always fires",
        "interval": "1m",
        "alert_rule_test": [moment(alert, minute, expected) for minute in (0, 600)],
    }


def inputs(feeds: Feeds, bounds: tuple[int, ...]) -> list[Yaml]:
    return [{"series": series, "values": values.notation(bounds)} for series, values in feeds.items()]


def moment(alert: Alert, minute: int, *expected: Yaml) -> Yaml:
    """Which alerts of the name fire at a minute. Promtool knows no scopes: a case for all rules of a name."""
    return {"eval_time": f"{minute}m", "alertname": alert.name, "exp_alerts": list(expected)}


def firing(alert: Alert, scenario: Scenario) -> Yaml:
    return {
        "exp_labels": {**alert.labels, **scenario.labels},
        "exp_annotations": {**alert.annotations, "description": scenario.description},
    }


def state(alert: Alert, minute: int, firing: int) -> Yaml:
    """How many instances fire at a minute."""
    return {
        "expr": f"count({selector(alert)})",
        "eval_time": f"{minute}m",
        "exp_samples": [{"labels": "{}", "value": firing}],
    }


def never_fired(alert: Alert, minutes: int) -> Yaml:
    return {
        "expr": f"count_over_time({selector(alert)}[{minutes}m])",
        "eval_time": f"{minutes}m",
        "exp_samples": [],
    }


def selector(alert: Alert) -> str:
    scope = f',scope="{alert.scope}"' if alert.scope else ""
    return f'ALERTS{{alertname="{alert.name}",alertstate="firing"{scope}}}'


def reading_test(reading: Reading) -> Yaml:
    return {
        "name": reading.title,
        "interval": "1m",
        "input_series": inputs(reading.feeds, reading.bounds),
        "promql_expr_test": [
            {
                "expr": expr,
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": labels, "value": value} for labels, value in samples.items()],
            }
            for minute, gives in reading.moments.items()
            for expr, samples in gives.items()
        ],
    }
