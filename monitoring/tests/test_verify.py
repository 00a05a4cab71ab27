"""Each question of `manage.py monitoring verify`: what it takes for a good answer, and what a bad one says."""

import time
from collections.abc import Iterator
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from monitoring.catalogue.alerts import ALERTS
from monitoring.catalogue.links import Dashboard
from monitoring.tests.stub_server import StubServer, stub_server, success
from monitoring.verification import AREAS, CHECKS

JOBS = ["app-web", "app-worker", "app-import", "app-realtime", "app-state", "prometheus"]
WEB = ["http_requests", "http_request_duration_seconds", "process_cpu_seconds", "process_resident_memory_bytes"]
SAMPLES = "\n".join(f"{name}_total 1" if name.endswith(("requests", "cpu_seconds")) else f"{name} 1" for name in WEB)
WATCHDOG = 'ALERTS{alertname="Watchdog",alertstate="firing"}'
FAILED_NOTICES = "sum by (integration) (increase(alertmanager_notifications_failed_total[1h])) > 0"
LOST = "increase(prometheus_notifications_errors_total[15m]) > 0"
INVARIANTS = "max by (invariant) (reconciliation_broken_rows)"
BACKUPS = "max by (what) (backup_last_success_timestamp_seconds)"
VERSIONS = "count by (version) (app_build_info)"


def target(job: str, health: str = "up") -> dict[str, Any]:
    return {"labels": {"job": job}, "health": health, "scrapeUrl": f"http://{job}/metrics", "lastError": "refused"}


def rules(*names: str, health: str = "ok") -> dict[str, Any]:
    found = [{"name": name, "type": "alerting", "health": health, "lastError": "too many"} for name in names]
    return success({"groups": [{"rules": found}]})


def backup_of(*, hours: int) -> list[tuple[dict[str, str], float]]:
    """When the last backup was made, seen from now."""
    return [({"what": "database"}, time.time() - 3600 * hours)]


ALL_RULES = rules(*{alert.name for alert in ALERTS})
GOOD: dict[str, Any] = {
    "/-/healthy": "Prometheus Server is Healthy.\n",
    "/-/ready": "ready",
    "/api/v1/targets": success({"activeTargets": [target(job) for job in JOBS]}),
    "/api/v1/rules": ALL_RULES,
    "/api/v1/status/flags": success({"storage.tsdb.retention.time": "90d"}),
    "/api/v1/alertmanagers": success({"activeAlertmanagers": [{"url": "http://am:9093/api/v2/alerts"}]}),
    WATCHDOG: [({}, 1)],
    "pg_up": [({}, 1)],
    "redis_up": [({}, 1)],
    "max(django_migrations_unapplied_total)": [({}, 0)],
    "max(django_migrations_applied_total)": [({}, 48)],
    INVARIANTS: [({"invariant": "stock_agrees"}, 0)],
    "max(outbox_dead_messages)": [({}, 0)],
    VERSIONS: [({"version": "1.2.3"}, 5)],
    BACKUPS: partial(backup_of, hours=1),
    # Alertmanager
    "/api/v2/status": {"cluster": {"status": "ready"}, "versionInfo": {"version": "0.28.1"}},
    "/api/v2/alerts": [{"receivers": [{"name": "heartbeat"}]}],
    # Grafana
    "/api/health": {"database": "ok", "version": "12.2.0"},
    "/api/datasources": [{"type": "prometheus", "name": "Prometheus", "url": "http://prometheus:9090"}],
    "/api/search": [{"uid": each.value} for each in Dashboard],
    # The site
    "/": "<title>Shop</title>",
    "/livez": {"status": "ok"},
    "/readyz": {"status": "ok"},
    "/metrics": 401,
    "/api/v1/flags/": {"checkout.sales_open": True},
}


@pytest.fixture
def server() -> Iterator[StubServer]:
    with stub_server() as stub:
        stub.answers.update(GOOD)
        yield stub


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("a-token\n")
    return file


def verify(server: StubServer, token_file: Path, *words: str) -> tuple[dict[str, str], str]:
    """Question → how it went; and the closing sentence."""
    names = ["web", "worker", "importer", "relay", "exporter", "public", "prometheus", "alertmanager", "grafana"]
    addresses = [f"--{name}={server.url}" for name in names]
    tokens = [f"--token-file={token_file}", f"--grafana-token-file={token_file}", "--patience=30"]
    out, sentence = StringIO(), ""
    try:
        call_command("monitoring", "verify", *addresses, *tokens, *words, stdout=out)
    except CommandError as error:
        sentence = f"{error} ({error.returncode})"
    lines = [line.split("] ", 1)[1] for line in out.getvalue().splitlines() if line.startswith("[")]
    sentence = sentence or out.getvalue().splitlines()[-1]
    return {line[8:].split(": ")[0] + ": " + line[8:].split(": ")[1]: line for line in lines}, sentence


def test_questions__are_asked_area_by_area() -> None:
    assert list(dict.fromkeys(check.area for check in CHECKS)) == list(AREAS)
    assert len({(check.area, check.name) for check in CHECKS}) == len(CHECKS)


def test_good_answers_of_the_watchers__exit_0(server: StubServer, token_file: Path) -> None:
    lines, sentence = verify(server, token_file, "--only", "prometheus", "grafana", "data")

    assert {line[:7].strip() for line in lines.values()} == {"ok"}, lines
    assert sentence == f"{len(lines)} of {len(lines)} checks are fine."


BAD: dict[str, tuple[str, Any, str]] = {
    "prometheus: healthy": ("/-/healthy", 503, "503"),
    "prometheus: targets": ("/api/v1/targets", success({"activeTargets": [target("app-web", "down")]}), "refused"),
    "prometheus: configuration": ("prometheus_config_last_reload_successful == 0", [({"instance": "p"}, 0)], "at p"),
    "prometheus: rules": ("/api/v1/rules", rules("HighErrorRate"), "not loaded"),
    "prometheus: heartbeat": (WATCHDOG, [], "Watchdog does not fire"),
    "alertmanager: healthy": (
        "/api/v2/status",
        {"cluster": {"status": "settling"}, "versionInfo": {}},
        "its cluster is settling",
    ),
    "alertmanager: connected": (LOST, [({"alertmanager": "am"}, 3)], "3 notifications to am failed"),
    "alertmanager: heartbeat arrives": ("/api/v2/alerts", [], "has not come"),
    "alertmanager: notifications": (FAILED_NOTICES, [({"integration": "slack"}, 2)], "slack"),
    "grafana: healthy": ("/api/health", {"database": "failing"}, "its database is failing"),
    "grafana: datasource": ("/api/datasources", [], "no Prometheus datasource"),
    "grafana: dashboards": ("/api/search", [{"uid": "shop-http"}], "shop-overview"),
    "data: PostgreSQL and Redis": ("redis_up", [({"instance": "r"}, 0)], "redis_up is 0 at r"),
    "data: migrations": ("max(django_migrations_unapplied_total)", [({}, 2)], "2 migrations are waiting"),
    "data: invariants": (INVARIANTS, [({"invariant": "money_agrees"}, 3)], "money_agrees: 3 rows"),
    "data: dead letters": ("max(outbox_dead_messages)", [({}, 4)], "4 messages were given up"),
    "data: versions": (VERSIONS, [({"version": "1"}, 1), ({"version": "2"}, 1)], "running: 1, 2"),
    "data: backups": (BACKUPS, partial(backup_of, hours=50), "50 hours old"),
    "site: health": ("/readyz", 503, "web: "),
    "site: metrics": ("/metrics", "process_cpu_seconds_total 1\n", "web lacks http_request_duration_seconds"),
    "site: metrics are closed": ("/metrics", SAMPLES, "answers 200 to anybody"),
    "site: front door": ("/monitoring/metrics", {}, "answers 200 instead of 404"),
    "site: flags": ("/api/v1/flags/", [1, 2], "not a dictionary of flags"),
    "site: socket": ("/api/v1/realtime/ws", 500, "InvalidStatus"),
    "site: event stream": ("/api/v1/realtime/sse", {"not": "a stream"}, "answers 200"),
}


def test_bad_answer_of_every_question__is_tried() -> None:
    asked = {f"{check.area}: {check.name}" for check in CHECKS}

    # Retention never fails, and an order's event needs a running site.
    assert asked - BAD.keys() == {"prometheus: retention", "site: socket event"}


@pytest.mark.parametrize("question", BAD)
def test_bad_answer__exit_1_and_the_line_says_why(server: StubServer, token_file: Path, question: str) -> None:
    path, answer, said = BAD[question]
    server.answers[path] = answer
    if question == "site: front door":
        server.answers["/metrics"] = 404

    lines, sentence = verify(server, token_file, "--only", question.split(":", maxsplit=1)[0])

    assert lines[question].startswith("FAILED")
    assert said in lines[question]
    assert sentence.endswith("failed. (1)")


def test_target_that_is_missing__is_named(server: StubServer, token_file: Path) -> None:
    server.answers["/api/v1/targets"] = success({"activeTargets": [target("app-web")]})

    lines, _ = verify(server, token_file, "--only", "prometheus")

    assert "no target of app-import, app-realtime, app-state, app-worker" in lines["prometheus: targets"]


def test_rule_that_cannot_be_evaluated__is_named(server: StubServer, token_file: Path) -> None:
    server.answers["/api/v1/rules"] = rules(*{alert.name for alert in ALERTS}, health="err")

    lines, _ = verify(server, token_file, "--only", "prometheus")

    assert "too many" in lines["prometheus: rules"]


def test_short_retention_and_no_backup__are_no_failures_of_a_laptop(server: StubServer, token_file: Path) -> None:
    server.answers["/api/v1/status/flags"] = success({"storage.tsdb.retention.time": "200h"})
    server.answers[BACKUPS] = []

    lines, sentence = verify(server, token_file, "--only", "prometheus", "data")

    assert lines["prometheus: retention"].startswith("skipped")
    assert lines["data: backups"].startswith("skipped")
    assert "2 were not asked" in sentence


def test_nobody_at_home__every_question_fails_in_one_line_and_within_its_patience() -> None:
    nowhere = [f"--{name}=http://127.0.0.1:1" for name in ("web", "prometheus", "alertmanager", "grafana")]
    out, start = StringIO(), time.monotonic()

    with pytest.raises(CommandError, match=r"of \d+ checks are fine") as refused:
        call_command("monitoring", "verify", *nowhere, "--patience=1", stdout=out)

    assert refused.value.returncode == 1
    assert time.monotonic() - start < 20
    assert len(out.getvalue().splitlines()) == len(CHECKS)
    assert " ok " not in out.getvalue()
    assert "Traceback" not in out.getvalue()


def test_password_in_an_address__is_not_printed() -> None:
    out = StringIO()

    with pytest.raises(CommandError):
        call_command(
            "monitoring", "verify", "--prometheus=http://me:s3cret@127.0.0.1:1", "--only=prometheus", stdout=out
        )

    assert "s3cret" not in out.getvalue()
