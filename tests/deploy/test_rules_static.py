"""What one can tell of the rules by reading them."""

import re
from collections import Counter
from collections.abc import Iterator

import promql_parser as promql
import pytest

from monitoring.catalogue import slos
from monitoring.catalogue.alerts import ALERTS, Alert
from monitoring.stack.commands import RETENTION
from tests.deploy.files import DEPLOY, ROOT
from tests.deploy.promql import RECORDINGS, compares, labels_of, problems
from tests.deploy.promtool import RULE_FILES, rules_of

RULES = [rule for file in RULE_FILES for rule in rules_of(file)]
# `{{ $labels.x }}`; one inside an `if` or a `with` may be missing.
LABELS_SHOWN = re.compile(r"\{\{ \$labels\.(\w+) \}\}")
GUARDED = re.compile(r"\{\{ (?:if|with) .*?\{\{ end \}\}")
MINUTES = {"s": 1 / 60, "m": 1, "h": 60, "d": 1440}
LONGEST_CRITICAL_WAIT = 20
LONGEST_WAIT = 60
RETENTION_FLAG = re.compile(r"--storage\.tsdb\.retention\.time=(?:\$\{\w+:-)?(\d+)([hdwy])")
DAYS = {"h": 1 / 24, "d": 1, "w": 7, "y": 365}

each_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert.name}{alert.scope}")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_expression__has_no_known_fault(rule) -> None:
    assert problems(rule["expr"]) == []


FAULTS = {
    "nobody_total > 1": "nobody shows",
    'sum(rate(http_requests_total{code="500"}[5m])) > 1': "has no label code",
    "sum by (user) (rate(http_requests_total[5m])) > 1": "nothing to group by user",
    'up{job=~"node"} == 0': "is no pattern",
    'up{job=~"^app-.*"} == 0': "starts at its start",
    "rate(outbox_queued_total[5m]) > 1": "rate of outbox_queued_total",
    "deriv(http_requests_total[5m]) > 1": "deriv of http_requests_total",
    "rate(sum(http_requests_total)[5m:1m]) > 1": "worked out before",
    "sum(orders_created_total) > 100": "without a rate",
    "sum(rate(http_requests_total[30s])) > 1": "too few samples",
    "histogram_quantile(0.9, sum(rate(http_request_duration_seconds_bucket[5m]))) > 1": "without its bounds",
    "topk(3, rate(http_requests_total[5m])) > 1": "picks other series",
    "sum(increase(orders_created_total[5m])) > 1 or sum(increase(gifts_created_total[5m])) > 1": "`or` between",
    'sum(rate(orders_total{job="app-web"}[5m])) / sum(rate(orders_total{job="nginx"}[5m])) > 1': "divided",
    "histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket[5m]))) > 0.4": "no bound at 0.4",
    'sum(rate(order_processing_duration_seconds_bucket{le="7.0"}[5m])) > 1': "no bound at 7",
}


@pytest.mark.parametrize("expr", FAULTS)
def test_planted_fault__is_found(expr: str) -> None:
    found = problems(expr)

    assert any(FAULTS[expr] in problem for problem in found), found


@each_alert
def test_alert__compares(alert: Alert) -> None:
    assert compares(alert.expr)


@pytest.mark.parametrize("expr", ["up", "up == 0 or pg_up", "sum(rate(http_requests_total[5m])) and up == 0"])
def test_figure_alone__is_no_condition(expr: str) -> None:
    assert not compares(expr)


@each_alert
def test_alert__shows_labels_that_it_has(alert: Alert) -> None:
    has = labels_of(promql.parse(alert.expr))

    for text in (alert.service, alert.description):
        assert set(LABELS_SHOWN.findall(GUARDED.sub("", text))) <= has


@each_alert
def test_alert__tells_apart_what_it_is_about(alert: Alert) -> None:
    """Of one rule several may fire: the words say which."""
    has = labels_of(promql.parse(alert.expr)) - {"alertname"}

    assert not has or has & set(re.findall(r"\$labels\.(\w+)", alert.description))


@each_alert
def test_alert__waits_neither_too_long_nor_for_nothing(alert: Alert) -> None:
    wait = minutes(alert.for_)

    assert wait <= (LONGEST_CRITICAL_WAIT if alert.severity == "critical" else LONGEST_WAIT)
    assert wait == 0 or wait >= 1


def minutes(length: str) -> float:
    return int(length[:-1]) * MINUTES[length[-1]]


@each_alert
def test_alert__is_named_and_worded_like_the_others(alert: Alert) -> None:
    assert re.fullmatch(r"([A-Z][a-z]+|CPU|SLO)+", alert.name)
    assert not alert.summary.endswith(".")
    assert "{{" not in alert.summary
    assert alert.description.endswith(".")
    assert alert.annotations["runbook_url"].endswith(f"/{alert.name}/")


def test_rules__are_there_once() -> None:
    conditions = Counter((rule["expr"], str(rule.get("labels"))) for rule in RULES)
    names = Counter((alert.name, alert.scope) for alert in ALERTS)

    assert [each for each, times in (conditions + Counter()).items() if times > 1] == []
    assert [each for each, times in names.items() if times > 1] == []


def test_recordings__are_written_by_one_expression_each() -> None:
    """But those that differ by their labels."""
    named = Counter((rule["record"], str(rule.get("labels"))) for rule in RULES if "record" in rule)

    assert max(named.values()) == 1
    assert set(RECORDINGS) == {name for name, _ in named}


def test_objectives__are_remembered_for_longer_than_they_look_back() -> None:
    """A Prometheus that forgets within the month calls a part of it the whole."""
    kept = dict(retentions())

    assert kept
    assert slos.LEAST_RETENTION_DAYS > slos.WINDOW_DAYS
    assert {place: days for place, days in kept.items() if days < slos.LEAST_RETENTION_DAYS} == {}


def retentions() -> Iterator[tuple[str, float]]:
    """Where a Prometheus is started with these rules → days that it remembers."""
    files = [ROOT / "docker-compose.yml", *sorted(DEPLOY.rglob("*.y*ml"))]
    for file in files:
        for number, unit in RETENTION_FLAG.findall(file.read_text()):
            yield str(file.relative_to(ROOT)), int(number) * DAYS[unit]
    for number, unit in RETENTION_FLAG.findall(" ".join(RETENTION)):
        yield "monitoring/stack", int(number) * DAYS[unit]


@pytest.mark.parametrize(("flag", "days"), [("200h", 200 / 24), ("90d", 90), ("${KEEP:-15d}", 15)])
def test_retention__is_read_from_a_flag(flag: str, days: float) -> None:
    ((number, unit),) = RETENTION_FLAG.findall(f"--storage.tsdb.retention.time={flag}")

    assert int(number) * DAYS[unit] == pytest.approx(days)
