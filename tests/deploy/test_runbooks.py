"""Runbooks say what is the case: of their form, and of every query and command in them that needs no running site."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from django.db import connection, transaction

from monitoring.catalogue.alerts import ALERTS
from monitoring.catalogue.series import SAMPLES
from tests.binaries import require_binary
from tests.deploy.documents import RUNBOOKS, blocks, sections, series_of
from tests.deploy.files import DEPLOY, LOADER, ROOT
from tests.deploy.seeds import composed

HEADINGS = [
    "Meaning",
    "Impact",
    "Severity and route",
    "Diagnosis",
    "Mitigation",
    "Escalation",
    "Verification",
    "False positives",
    "Incident log",
]
NAMES = sorted({alert.name for alert in ALERTS})
# Names that a query of ours may use although no rule or panel does; what shows them is not part of this machine.
ELSEWHERE = ("kube_", "container_", "probe_")
EXPORTERS = ("node_", "redis_", "pg_", "prometheus_", "alertmanager_", "scrape_", "python_gc_")
# `test` is a laptop, beside `make run` and `make monitoring`; `machine` is wherever the administrator sits.
PLACES = {"test", "compose", "kubernetes", "machine"}
COMPOSE = re.compile(
    r"docker compose (?:exec|logs|restart|up|run|stop|ps|start|cp)((?: +-[^ ]+(?: +\d+m\b)?)*)((?: +[a-z]+)*)"
)


def test_every_alert__has_a_runbook_and_every_runbook_an_alert() -> None:
    assert sorted(file.stem for file in RUNBOOKS.glob("*.md") if file.stem != "README") == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_runbook__has_every_section_in_order_and_none_is_empty(name: str) -> None:
    file = RUNBOOKS / f"{name}.md"

    found = sections(file)

    assert file.read_text().startswith(f"# {name}\n")
    assert list(found) == HEADINGS
    assert all(len(text) > 3 for text in found.values())


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert.name}-{alert.scope or alert.severity}")
def test_runbook__says_what_the_rule_says(alert) -> None:
    found = sections(RUNBOOKS / f"{alert.name}.md")
    severity, verification = found["Severity and route"], found["Verification"]

    assert f"**{alert.severity}**" in severity
    assert f"category `{alert.category}`" in severity
    assert f"team `{alert.team}`" in severity
    assert f"panel *{alert.panel}*" in found["Diagnosis"]
    assert f"/d/{alert.dashboard})" in found["Diagnosis"]
    if alert.name != "Watchdog":  # which must fire
        assert alert.expr in verification


def test_queries__are_promql(tmp_path: Path) -> None:
    promtool = require_binary("promtool")
    queries = [block.text for block in blocks("promql")]
    rules = [{"record": f"runbook:query:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "runbooks", "rules": rules}]}))

    checked = subprocess.run([promtool, "check", "rules", str(file)], capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr
    assert len(queries) > 2 * len(NAMES)


def test_queries__ask_for_series_that_there_are() -> None:
    unknown = {
        (block.place, name)
        for block in blocks("promql")
        for name in series_of(block.text)
        if name not in SAMPLES and not name.startswith(("slo:", *EXPORTERS, *ELSEWHERE))
    }

    assert unknown == set()


def test_names_of_series__are_found_in_a_query() -> None:
    query = 'sum by (path) (rate(a_total{b="c_total"}[5m] offset 1d)) / on (x) group_left (y) d:e:f > 0.5 or vector(0)'

    assert series_of(query) == {"a_total", "d:e:f"}


@pytest.mark.django_db
@pytest.mark.parametrize("block", blocks("sql", "test"), ids=lambda block: block.place.rpartition("/")[2])
def test_sql__is_answered_by_the_database_and_changes_nothing(block) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        cursor.execute(block.text.replace("%", "%%"))

        assert cursor.description


def test_commands__are_shell_and_say_where_to_type_them() -> None:
    wrong = [(block.place, error) for block in blocks("sh") if (error := shell_error(block.text))]

    assert wrong == []
    assert {block.place for block in blocks("sh") if not PLACES.intersection(block.tags)} == set()


def shell_error(text: str) -> str:
    return subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False).stderr


def test_commands_with_compose__name_its_services() -> None:
    unknown = set()
    for block in blocks("sh"):
        for command in block.commands:
            for _, words in COMPOSE.findall(command):
                first = words.split()[:1]
                unknown |= {(block.place, name) for name in first if name not in composed()}

    assert unknown == set()


def test_commands_on_kubernetes__name_its_objects() -> None:
    there = kubernetes_objects()
    unknown = {
        (block.place, f"{kind}/{name}")
        for block in blocks("sh", "kubernetes")
        for kind, name in re.findall(r"\b(deployment|statefulset|job|cronjob)/([a-z-]+)", block.text)
        if (kind, name) not in there
    }

    assert unknown == set()


def kubernetes_objects() -> set[tuple[str, str]]:
    """Kind in small letters and name of everything below deploy/k8s."""
    found = set()
    for file in (DEPLOY / "k8s").rglob("*.y*ml"):
        for document in yaml.load_all(file.read_text(), Loader=LOADER):
            if document and "metadata" in document:
                found.add((document["kind"].lower(), document["metadata"]["name"]))
    return found


def test_scripts_and_commands_in_the_text__are_there() -> None:
    missing = set()
    for file in RUNBOOKS.glob("*.md"):
        for path in re.findall(r"\b(deploy/[\w/.-]+\.(?:sh|yml|py|awk))", file.read_text()):
            if not (ROOT / path).exists():
                missing.add((file.stem, path))

    assert missing == set()
