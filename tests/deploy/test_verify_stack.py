"""`manage.py monitoring verify`, `test-alert` and `silence` against everything as it runs."""

from collections.abc import Iterator

import pytest

from monitoring import receivers, stack
from tests.binaries import require_binary
from tests.live import LiveSite, wait_for

pytestmark = pytest.mark.xdist_group("live")

JOBS = {
    "app-web": "web",
    "app-worker": "worker",
    "app-import": "importer",
    "app-realtime": "relay",
    "app-state": "exporter",
}


@pytest.fixture(scope="module")
def stand_ins() -> Iterator[receivers.Receivers]:
    with receivers.running() as running:
        yield running


@pytest.fixture(scope="module")
def servers(
    live_site: LiveSite, stand_ins: receivers.Receivers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[stack.Servers]:
    for name in ("prometheus", "prometheus-alertmanager", "prometheus-node-exporter"):
        require_binary(name)
    with stack.running(
        tmp_path_factory.mktemp("stack"),
        targets={job: [f"127.0.0.1:{live_site.ports[name]}"] for job, name in JOBS.items()},
        metrics_token=live_site.metrics_token,
        database_url=live_site.servers.database_url,
        redis_url=live_site.servers.redis_url,
        receivers=stand_ins.settings,
        scrape_interval="1s",
        speed=20,
    ) as running:
        yield running


def verify(site: LiveSite, servers: stack.Servers, *words: str) -> tuple[int, list[str]]:
    addresses = [f"--{name}=http://127.0.0.1:{site.ports[name]}" for name in JOBS.values()]
    watchers = [f"--prometheus={servers.prometheus_url}", f"--alertmanager={servers.alertmanager_url}"]
    done = site.manage("monitoring", "verify", *addresses, *watchers, *words, check=False)
    return done.returncode, [*done.stdout.splitlines(), *done.stderr.splitlines()]


def manage(site: LiveSite, servers: stack.Servers, verb: str, *words: str) -> str:
    address = f"--alertmanager={servers.alertmanager_url}"
    return site.manage("monitoring", verb, address, *words).stdout


def test_stack_that_works__every_question_is_answered_well(live_site: LiveSite, servers: stack.Servers) -> None:
    wait_for(lambda: servers.prometheus.query('ALERTS{alertname="Watchdog",alertstate="firing"}'), "the heartbeat")
    # Another test of this site may have broken them, and mended them since the last reading.
    wait_for(lambda: servers.prometheus.query("max(reconciliation_broken_rows) == 0"), "the invariants to hold", 150)
    wait_for(lambda: all(each["health"] == "up" for each in servers.prometheus.targets()), "every target to be asked")
    wait_for(lambda: servers.alertmanager.alerts('alertname="Watchdog"'), "the heartbeat at Alertmanager")

    status, lines = verify(live_site, servers, "--buy")

    assert status == 0, "\n".join(lines)
    states = {line[8:].split(": ")[1]: line[8:].split()[0] for line in lines if line.startswith("[")}
    skipped = {"front door", "retention", "backups", "healthy", "datasource", "dashboards"}
    assert {name for name, state in states.items() if state == "skipped"} <= skipped
    assert states["socket event"] == states["rules"] == states["invariants"] == "ok"


def test_stack_without_a_process__exit_1_and_its_line_names_it(live_site: LiveSite, servers: stack.Servers) -> None:
    status, lines = verify(live_site, servers, "--relay=http://127.0.0.1:1", "--only=site", "--patience=2")

    assert status == 1
    (failed,) = [line for line in lines if "FAILED  site: health" in line]
    assert "relay: http://127.0.0.1:1/livez: " in failed


def test_alert_made_up__reaches_the_receivers_of_its_severity(
    live_site: LiveSite, servers: stack.Servers, stand_ins: receivers.Receivers
) -> None:
    said = manage(live_site, servers, "test-alert", "--severity=critical", "--service=verify")

    assert "is on its way to critical" in said
    assert "Delivered: discord, email, slack." in said
    # What a busy site's own alerts were told by may be counted for it.
    wait_for(lambda: kinds(stand_ins) == {"discord", "email", "slack"}, "the notices")


def kinds(stand_ins: receivers.Receivers) -> set[str]:
    """By which means the alert came."""
    return {notice.kind for notice in stand_ins.notices.matching(lambda notice: "TestAlert" in notice.title)}


def test_silence__holds_alerts_back_until_it_is_ended(live_site: LiveSite, servers: stack.Servers) -> None:
    made = manage(live_site, servers, "silence", "--match=service=quiet", "--for=10m", "--comment=a test")
    silence = made.split(":", maxsplit=1)[0]

    refused = live_site.manage(
        *["monitoring", "test-alert", f"--alertmanager={servers.alertmanager_url}", "--name=Quiet", "--service=quiet"],
        check=False,
    )

    assert refused.returncode == 1
    assert f"Quiet is silenced or inhibited by {silence}" in refused.stderr
    assert silence in manage(live_site, servers, "silence", "--list")
    assert "is over" in manage(live_site, servers, "silence", f"--end={silence}")
    assert "0 silences." in manage(live_site, servers, "silence", "--list")
