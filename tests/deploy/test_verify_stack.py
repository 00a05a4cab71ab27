"""`manage.py monitoring verify`, `test-alert` and `silence` against everything as it runs."""

from collections.abc import Iterator

import pytest

from monitoring import receivers, stack
from tests.binaries import require_binary
from tests.live import LiveSite, wait_for

pytestmark = pytest.mark.xdist_group("live")

JOBS = {"app-web": "web", "app-worker": "worker", "app-import": "importer", "app-realtime": "relay", "app-state": "exporter"}


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


def test_stack_that_works__every_question_is_answered_well(live_site: LiveSite, servers: stack.Servers) -> None:
    wait_for(lambda: servers.prometheus.query('ALERTS{alertname="Watchdog",alertstate="firing"}'), "the heartbeat")
    wait_for(lambda: servers.prometheus.query("reconciliation_broken_rows"), "the first reading of the invariants")
    wait_for(lambda: all(each["health"] == "up" for each in servers.prometheus.targets()), "every target to be asked")
    wait_for(lambda: servers.alertmanager.alerts('alertname="Watchdog"'), "the heartbeat at Alertmanager")

    status, lines = verify(live_site, servers, "--buy")

    print("\n".join(lines))
    assert status == 0, lines
