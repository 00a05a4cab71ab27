"""What the running processes show, against what the catalogue promises."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from monitoring import stack
from monitoring.catalogue import contract
from monitoring.catalogue.series import SAMPLES, SERIES
from monitoring.stack.commands import PROGRAMS
from tests.binaries import require_binary
from tests.deploy.test_prometheus_scrapes import GAUGES_NAMED_TOTAL, PROCESSES, exposition
from tests.live import LiveSite, wait_for

pytestmark = pytest.mark.xdist_group("live")

FAMILY = re.compile(r"^# (HELP|TYPE) (\w+) (.*)$", re.MULTILINE)
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? ", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
PERSONAL = re.compile(
    r"[\w.+-]+@[\w-]+\.\w+"  # mail
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # ids
    r"|\b\d{1,3}(\.\d{1,3}){3}\b"  # addresses
)

SENT = "prometheus_notifications_latency_seconds_count"
# Of rules that fire, of files that backups write, of a cluster of several.
SHOWN_ELSEWHERE = {
    "ALERTS",
    "backup_last_success_timestamp_seconds",
    "restore_drill_last_success_timestamp_seconds",
    "alertmanager_cluster_members",
}


@dataclass
class Shown:
    """A series as a process shows it."""

    kind: str = ""
    help: str = ""
    labels: set[str] = field(default_factory=set)
    bounds: set[float] = field(default_factory=set)


def read(text: str) -> dict[str, Shown]:
    """Name → what an exposition says of it."""
    found: dict[str, Shown] = {}
    for what, name, said in FAMILY.findall(text):
        setattr(found.setdefault(name, Shown()), {"HELP": "help", "TYPE": "kind"}[what], said)
    for sample, labels in samples(text):
        shown = found.get(SAMPLES[sample].name if sample in SAMPLES else sample, Shown())
        shown.labels |= labels.keys() - {"le"}
        if bound := labels.get("le"):
            shown.bounds.add(float(bound))
    return found


def samples(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Name and labels of each sample."""
    for line in text.splitlines():
        if not line.startswith("#") and (match := SAMPLE.match(line)):
            yield match[1], dict(LABEL.findall(match[2] or ""))


@pytest.fixture(scope="module")
def shown(live_site: LiveSite) -> dict[str, str]:
    """Job → exposition, after a visitor was there."""
    with live_site.client() as visitor:
        for path in ("/api/v1/offers/", "/api/v1/sales/"):
            visitor.get(path)
    answers: dict[str, httpx.Response] = {job: exposition(live_site, name) for job, name in PROCESSES.items()}
    return {job: answer.text for job, answer in answers.items()}


@pytest.mark.parametrize("job", PROCESSES)
def test_series_of_each_process__are_as_the_catalogue_says(shown: dict[str, str], job: str) -> None:
    for name, series in read(shown[job]).items():
        assert name in SERIES, f"{name} is not in the catalogue"
        said = SERIES[name]
        assert (series.kind, series.help.replace("\\\\", "\\")) == (said.kind, said.help), name
        assert series.labels <= set(said.labels), name
        assert not series.bounds or series.bounds == {*said.buckets, float("inf")}, name


def test_series_of_the_catalogue__are_shown_by_their_jobs(shown: dict[str, str]) -> None:
    """An expression over a name that nobody shows is silent for ever."""
    found = {job: read(text).keys() for job, text in shown.items()}

    missing = [(name, job) for name in sorted(contract.own()) for job in SERIES[name].jobs if name not in found[job]]

    assert missing == []


@pytest.mark.parametrize("job", PROCESSES)
def test_labels_of_each_process__name_nobody(shown: dict[str, str], job: str) -> None:
    """Products of live sales are the one exception: at most fifty, by the id that the shop shows anyway."""
    for sample, labels in samples(shown[job]):
        personal = {name: value for name, value in labels.items() if PERSONAL.search(value)}
        assert personal.keys() <= ({"product"} if sample == "flash_sale_inventory_units" else set()), sample


@pytest.fixture(scope="module")
def shown_by_others(live_site: LiveSite, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Job → exposition of the servers and exporters that one machine can run."""
    for program in PROGRAMS.values():
        require_binary(program.binary)
    addresses = {"database_url": live_site.servers.database_url, "redis_url": live_site.servers.redis_url}
    with stack.running(tmp_path_factory.mktemp("others"), targets={}, speed=20, **addresses) as servers:
        # The first notice brings the last of its series.
        wait_for(lambda: SENT in metrics(servers, "prometheus"), "a notice to Alertmanager")
        return {job: metrics(servers, job) for job in PROGRAMS}


def metrics(servers: stack.Servers, job: str) -> str:
    return httpx.get(f"{servers.url(job)}/metrics", timeout=30).text


@pytest.mark.parametrize("job", PROGRAMS)
def test_series_of_others__are_shown_as_the_catalogue_says(shown_by_others: dict[str, str], job: str) -> None:
    """Names that an exporter's next version changes would leave alerts silent for ever."""
    found = read(shown_by_others[job])
    expected = {name: said for name, said in SERIES.items() if said.jobs == (job,) and name not in SHOWN_ELSEWHERE}

    assert expected.keys() - found.keys() == set()
    assert {name: found[name].kind for name in expected} == {name: said.kind for name, said in expected.items()}
    assert {name for name, said in expected.items() if not set(said.labels) <= found[name].labels} == set()


def test_gauges_with_the_suffix_of_counters__are_the_known_five() -> None:
    assert {series.name for series in SERIES.values() if series.is_misnamed} == GAUGES_NAMED_TOTAL
