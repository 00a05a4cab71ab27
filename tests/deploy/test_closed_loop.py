"""From a figure to the person who acts on it: no alert lacks a link of that chain."""

import re
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from monitoring.catalogue.alerts import ALERTS
from monitoring.catalogue.alerts.alert import Alert
from monitoring.catalogue.links import runbook_url
from monitoring.catalogue.series import SAMPLES, Series
from monitoring.receivers.alertmanager import write_config
from tests.binaries import require_binary
from tests.deploy.alertmanager import WHOLE, receivers_of
from tests.deploy.documents import RUNBOOKS, sections, series_of
from tests.deploy.files import DEPLOY
from tests.deploy.seeds import all_rules, has_job, panels
from tests.live import LiveSite

RULE_TESTS = DEPLOY / "prometheus" / "tests"
NAMES = sorted({alert.name for alert in ALERTS})
NOBODY = {"InfoInhibitor"}
# Who shows what is neither the site's nor a job of ours: the cluster's own, where there is one.
CLUSTER = {"cadvisor", "kube-state-metrics"}
EVERY_JOB = {"every job"}
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
PROCESSES = {"app-worker": "worker", "app-import": "importer", "app-realtime": "relay", "app-state": "exporter"}


def rules_of(name: str) -> list[dict[str, Any]]:
    return [rule for rule in all_rules() if rule.get("alert") == name]


@cache
def recorded() -> dict[str, str]:
    """Recorded series → the query behind it."""
    return {rule["record"]: rule["expr"] for rule in all_rules() if "record" in rule}


def sources(query: str) -> set[str]:
    """The series that a query comes down to, through recorded ones."""
    found: set[str] = set()
    waiting, seen = series_of(query), set[str]()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        if name in recorded():
            waiting |= series_of(recorded()[name]) - seen
        else:
            found.add(name)
    return found


def seconds(text: str) -> int:
    """`1h30m` in seconds."""
    return sum(int(number) * SECONDS[unit] for number, unit in re.findall(r"(\d+)([smhdw])", str(text)))


@cache
def histories() -> list[list[tuple[int, str, bool]]]:
    """Of each tested history: when is asked for which alert, and whether it is expected to fire."""
    return [
        sorted(
            (seconds(asked["eval_time"]), asked["alertname"], bool(asked.get("exp_alerts")))
            for asked in history.get("alert_rule_test", [])
        )
        for file in sorted(RULE_TESTS.glob("*.yml"))
        for history in yaml.load(file.read_text(), Loader=yaml.CSafeLoader)["tests"]
    ]


def shown_by_tests(name: str) -> set[str]:
    """Which of `fires`, `keeps still`, `ends` the tests of an alert show."""
    shown: set[str] = set()
    for history in histories():
        states = [fires for _, alert, fires in history if alert == name]
        if True in states:
            shown.add("fires")
        if states and True not in states:
            shown.add("keeps still")
        if any(before and not after for before, after in pairwise(states)):
            shown.add("ends")
    return shown


def is_served(series: Series) -> bool:
    jobs = set(series.jobs)
    return bool(jobs) and (jobs <= CLUSTER | EVERY_JOB or all(map(has_job, jobs - CLUSTER - EVERY_JOB)))


def gaps(name: str, config: Path) -> list[str]:
    """The links that an alert lacks."""
    rules, alerts = rules_of(name), [alert for alert in ALERTS if alert.name == name]
    lacking = [] if rules and alerts else ["a rule"]
    for rule in rules:
        unknown = sorted(source for source in sources(rule["expr"]) if source not in SAMPLES)
        unserved = sorted(s for s in sources(rule["expr"]) if s in SAMPLES and not is_served(SAMPLES[s]))
        lacking += [f"series {each}" for each in unknown] + [f"a job that serves {each}" for each in unserved]
        lacking += [] if rule["annotations"].get("runbook_url") == runbook_url(name) else ["the address of its runbook"]
    expected = {"fires", "keeps still", "ends"} if name != "Watchdog" else {"fires"}  # always
    lacking += [f"a test that it {way}" for way in sorted(expected - shown_by_tests(name))]
    lacking += [] if (RUNBOOKS / f"{name}.md").exists() else ["a runbook"]
    for alert in alerts:
        lacking += [] if routed(alert, config) else ["a route"]
        lacking += [] if alert.panel in panels().get(alert.dashboard, set()) else [f"panel {alert.panel}"]
        lacking += [] if alert.team in owners() else ["an owner"]
    return lacking


def routed(alert: Alert, config: Path) -> bool:
    """Whether somebody is told, and the runbook says who."""
    labels = {"alertname": alert.name, **alert.labels, "service": alert.service.split()[0].strip("{}$") or "web"}
    told = [receiver for receiver in receivers_of(config, labels) if receiver != "site"]
    text = sections(RUNBOOKS / f"{alert.name}.md")["Severity and route"]
    heard = told != ["null"] or alert.name in NOBODY
    return bool(told) and heard and all(f"receiver `{receiver}`" in text for receiver in told)


@cache
def owners() -> set[str]:
    """Teams that the runbooks' first page introduces."""
    return set(re.findall(r"^\| `(\w+)` \|", sections(RUNBOOKS / "README.md")["Owners"], re.MULTILINE))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_binary("amtool")
    return write_config(tmp_path_factory.mktemp("routes"), WHOLE)


def test_every_alert__has_every_link(config: Path, record_property: Callable[[str, object], None]) -> None:
    lacking = {name: found for name in NAMES if (found := gaps(name, config))}

    whole = len(NAMES) - len(lacking)
    links = "series, tests that it fires, keeps still and ends, route, runbook, panel, owner"
    record_property("summary", f"Closed loop: {whole}/{len(NAMES)} alerts have {links}")
    assert lacking == {}


def test_rules_that_prometheus_loads__are_those_of_the_catalogue() -> None:
    assert sorted({rule["alert"] for rule in all_rules() if "alert" in rule}) == NAMES


def test_alert_that_nobody_made__lacks_every_link(config: Path) -> None:
    lacking = gaps("NobodyMadeThis", config)

    assert lacking == [
        "a rule",
        "a test that it ends",
        "a test that it fires",
        "a test that it keeps still",
        "a runbook",
    ]


def test_recorded_series__come_down_to_what_is_scraped() -> None:
    assert all(source in SAMPLES for name in recorded() for source in sources(name))


@pytest.mark.xdist_group("live")
def test_series_of_the_site__are_in_its_live_exposition(live_site: LiveSite) -> None:
    with live_site.client() as visitor:
        visitor.get("/api/v1/offers/")

    shown = {job: exposed(live_site.ports[process]) for job, process in PROCESSES.items()}
    shown["app-web"] = exposed(live_site.metrics_port)

    asked = {SAMPLES[name] for rule in all_rules() for name in sources(rule["expr"]) if name in SAMPLES}
    missing = {
        (job, series.name)
        for series in asked
        for job in shown.keys() & set(series.jobs)
        if not shown[job] & set(series.samples)
    }
    assert missing == set()


def exposed(port: int) -> set[str]:
    """Names of the samples that a process shows."""
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text
    return {re.split(r"[{ ]", line, maxsplit=1)[0] for line in text.splitlines() if not line.startswith("#")}
