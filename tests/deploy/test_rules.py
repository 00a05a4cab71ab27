"""The rules, judged by promtool: valid, and each alert fires, stays silent and resolves when it should."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command
from django.core.management.base import CommandError

from monitoring.catalogue import contract, rules
from monitoring.catalogue.alerts import ALERTS, ALERTS_BY_FILE, Alert
from monitoring.catalogue.alerts.alert import number
from monitoring.operations import generate
from tests.deploy.files import ROOT, read_yaml
from tests.deploy.promtool import RULE_FILES, TEST_FILES, failing_tests, promtool, rules_of


def test_files__are_what_the_catalogue_says() -> None:
    call_command("monitoring", "generate", "--check")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Everything that is generated, in a folder of its own."""
    for path, content in generate.generated(ROOT).items():
        generate.put(tmp_path / path, content)
    (tmp_path / "docs/runbooks").mkdir()
    for alert in ALERTS:
        (tmp_path / f"docs/runbooks/{alert.name}.md").write_text("Written by hand.\n")
    return tmp_path


def test_copy__has_nothing_to_change(copy: Path) -> None:
    assert dict(generate.changes(copy)) == {}


def test_changed_missing_and_forgotten_file__differ(copy: Path) -> None:
    (copy / "deploy/prometheus/rules/http.yml").write_text("groups: []\n")
    (copy / "docs/metrics.md").unlink()
    (copy / "deploy/prometheus/rules/old.yml").write_text("groups: []\n")

    assert {path: content is None for path, content in generate.changes(copy)} == {
        "deploy/prometheus/rules/http.yml": False,
        "docs/metrics.md": False,
        "deploy/prometheus/rules/old.yml": True,
    }


def test_file_that_differs__fails_the_check_and_is_written_without_it(copy: Path, settings) -> None:
    settings.BASE_DIR = copy
    changed = copy / "deploy/prometheus/rules/http.yml"
    before = changed.read_text()
    changed.write_text("groups: []\n")

    with pytest.raises(CommandError, match=r"rules/http\.yml") as refusal:
        call_command("monitoring", "generate", "--check")
    call_command("monitoring", "generate", verbosity=0)

    assert refusal.value.returncode == 1
    assert changed.read_text() == before


def test_missing_runbook__is_drafted_and_never_written_over(copy: Path) -> None:
    (copy / "docs/runbooks/HighErrorRate.md").unlink()

    ((path, draft),) = generate.changes(copy)

    assert path == "docs/runbooks/HighErrorRate.md"
    assert draft is not None
    assert "# HighErrorRate" in draft


def test_series_that_is_shown_no_longer__is_in_the_changelog() -> None:
    """Panels and rules out there ask for it by name: whoever drops or renames it tells them."""
    changelog = (ROOT / "CHANGELOG.md").read_text()

    assert [name for name in sorted(contract.dropped(ROOT)) if f"`{name}`" not in changelog] == []


def test_dropped_series__stays_promised(tmp_path: Path) -> None:
    (tmp_path / "deploy/prometheus").mkdir(parents=True)
    (tmp_path / contract.PROMISED).write_text("gone_total\nhttp_requests_total\n")

    written = contract.files(tmp_path)[contract.PROMISED]

    assert contract.dropped(tmp_path) == {"gone_total"}
    assert {"gone_total", "orders_total"} <= set(written.split())


def test_rules__promtool_has_nothing_to_say() -> None:
    checked = promtool("check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES)

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
def test_alerts_and_recordings__do_as_their_scenarios_ask(file: Path) -> None:
    tested = promtool("test", "rules", file)

    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_rule__is_named_by_a_test_that_expects_something_of_it() -> None:
    fire, silent, resolve, read = coverage()
    alerts = {alert.name for alert in ALERTS}
    records = {rule["record"] for file in RULE_FILES for rule in rules_of(file) if "record" in rule}
    always = {"Watchdog"}

    assert alerts - fire == set()
    assert alerts - silent == always
    assert alerts - resolve == always
    assert [record for record in sorted(records) if not any(record in expr for expr in read)] == []


def coverage() -> tuple[set[str], set[str], set[str], set[str]]:
    """Alerts seen firing, kept silent, and gone after they fired; expressions that give something."""
    fire, silent, resolve, read = set(), set(), set(), set()
    for test in (test for file in TEST_FILES for test in read_yaml(file)["tests"]):
        moments = test.get("alert_rule_test", [])
        fired = [moment["alertname"] for moment in moments if moment["exp_alerts"]]
        fire.update(fired)
        if not fired:
            silent.update(moment["alertname"] for moment in moments)
        if moments and fired and not moments[-1]["exp_alerts"]:
            resolve.add(moments[-1]["alertname"])
        read.update(asked["expr"] for asked in test.get("promql_expr_test", []) if asked["exp_samples"])
    return fire, silent, resolve, read


def at_once(alert: Alert) -> Alert:
    return replace(alert, for_="0s")


def without_guard(alert: Alert) -> Alert:
    return replace(alert, guard="")


def sooner(alert: Alert) -> Alert:
    """A threshold that is reached a tenth earlier, wherever the condition names it."""
    threshold = alert.threshold * (1.1 if alert.op in ("<", "<=") else 0.9)
    guard = alert.guard.replace(f"{alert.op} {number(alert.threshold)}", f"{alert.op} {threshold}")
    return replace(alert, threshold=threshold, guard=guard)


# A rule changed for the worse, whom that concerns, and which of its tests must notice.
MUTANTS: dict[str, tuple[Callable[[Alert], Alert], Callable[[Alert], bool], str]] = {
    "fires at once": (at_once, lambda alert: alert.for_ != "0s", "fires and resolves"),
    "fires without traffic": (without_guard, lambda alert: bool(alert.guard), "stays silent"),
    "fires too early": (sooner, lambda alert: alert.op != "==" and bool(alert.threshold), "stays silent"),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_alert_that_does_otherwise__fails_a_test(mutant: str, tmp_path: Path) -> None:
    """What the scenarios prove: each limit, wait and guard is one that some test asks for."""
    change, concerns, noticing = MUTANTS[mutant]
    harmed = {title(alert) for alert in ALERTS if concerns(alert)}
    write_rules(tmp_path, change)
    write_tests(tmp_path, noticing, harmed)

    failing = {name for file in sorted((tmp_path / "tests").iterdir()) for name in failing_tests(file)}

    assert {name for name in harmed if not any(test.startswith(f"{name} {noticing}") for test in failing)} == set()


def title(alert: Alert) -> str:
    return f"{alert.name} {alert.scope}".strip()


def write_rules(folder: Path, change: Callable[[Alert], Alert]) -> None:
    """The rules, all alerts changed."""
    (folder / "rules").mkdir()
    for file, alerts in ALERTS_BY_FILE.items():
        *recorded, fired = rules.groups_of(file)
        fired["rules"] = [rules.alerting_rule(change(alert)) for alert in alerts]
        (folder / "rules" / f"{file}.yml").write_text(rules.dump({"groups": [*recorded, fired]}))


def write_tests(folder: Path, noticing: str, harmed: set[str]) -> None:
    """Of the tests those that must notice, up to the first moment at which they can."""
    (folder / "tests").mkdir()
    for file in TEST_FILES:
        content = read_yaml(file)
        content["tests"] = [
            {**test, "alert_rule_test": test["alert_rule_test"][:1], "promql_expr_test": []}
            for test in content["tests"]
            if any(test["name"].startswith(f"{name} {noticing}") for name in harmed)
        ]
        if content["tests"]:
            (folder / "tests" / file.name).write_text(yaml.safe_dump(content))
