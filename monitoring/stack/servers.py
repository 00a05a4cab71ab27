"""Prometheus, Alertmanager and the exporters of the system's packages, in one folder."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from monitoring.remote import Alertmanager, Prometheus
from monitoring.stack import programs
from monitoring.stack.commands import PROGRAMS, arguments, environment
from monitoring.stack.configuration import Place, write_prometheus
from monitoring.stack.notification import write_alertmanager
from monitoring.stack.targets import write_targets

SITE_JOBS = ("app-web", "app-flash", "app-worker", "app-import", "app-realtime", "app-state")


@dataclass(frozen=True, kw_only=True)
class Servers:
    """What runs, and where."""

    folder: Path
    ports: Mapping[str, int]
    textfiles: Path  # where the node exporter reads `*.prom` files

    def url(self, job: str) -> str:
        return f"http://127.0.0.1:{self.ports[job]}"

    @property
    def targets(self) -> Path:
        """Addresses of these servers and of those that they were given, a file a job."""
        return self.folder / "targets"

    @property
    def prometheus_url(self) -> str:
        return self.url("prometheus")

    @property
    def alertmanager_url(self) -> str:
        return self.url("alertmanager")

    @property
    def prometheus(self) -> Prometheus:
        return Prometheus(self.prometheus_url)

    @property
    def alertmanager(self) -> Alertmanager:
        return Alertmanager(self.alertmanager_url)


@contextmanager
def running(  # noqa: PLR0913  whom to ask, whom to tell, where and how fast
    folder: Path,
    *,
    targets: Mapping[str, Sequence[str]] | Path,
    metrics_token: str = "",
    database_url: str = "",
    redis_url: str = "",
    receivers: Mapping[str, str] | None = None,
    speed: float = 1,
    scrape_interval: str = "",
    ports: Mapping[str, int] | None = None,
    usual_ports: bool = False,
    without: Collection[str] = (),
    textfiles: Path | None = None,
) -> Iterator[Servers]:
    """Start them and wait until each answers; stop them at the end. Raises StackError.

    `targets`: job → addresses, or a folder of `<job>.json` files that somebody else writes. `without` names jobs to
    leave out; an exporter without the address of its server is left out, too. `receivers`: settings of Alertmanager's
    entry script, such as those of monitoring.receivers. At `speed` 20 five minutes of every rule, range and repetition
    pass in 15 s. `ports` are taken as they are given; other ports are the usual ones where those are free
    (`usual_ports`), or any.
    """
    addresses = {"redis": redis_url, "postgres": database_url}
    jobs = [job for job in PROGRAMS if job not in without and addresses.get(job, "needs none")]
    binaries = programs.require(PROGRAMS[job].binary for job in jobs)
    servers = Servers(
        folder=folder.resolve(),
        ports=programs.choose_ports({job: PROGRAMS[job].port if usual_ports else 0 for job in jobs}, ports or {}),
        textfiles=(textfiles or folder / "textfiles").resolve(),
    )
    servers.textfiles.mkdir(parents=True, exist_ok=True)
    place = place_of(servers, targets, speed=speed, scrape_interval=scrape_interval)
    write_prometheus(place, token=metrics_token)
    write_alertmanager(servers.folder / "alertmanager", settings=receivers or {}, speed=speed)
    with ExitStack() as stack:
        for job, port in servers.ports.items():
            told = arguments(job, port=port, folder=servers.folder, textfiles=servers.textfiles, speed=speed)
            program = programs.running(
                [binaries[PROGRAMS[job].binary], *told],
                log=servers.folder / f"{job}.log",
                ready_url=f"{servers.url(job)}{PROGRAMS[job].ready}",
                environment=environment(database_url=database_url, redis_url=redis_url),
            )
            stack.enter_context(program)
        yield servers


def place_of(
    servers: Servers, targets: Mapping[str, Sequence[str]] | Path, *, speed: float, scrape_interval: str
) -> Place:
    """Where this Prometheus runs, with its own servers among its targets."""
    own = servers.targets
    write_targets(own, {job: [f"127.0.0.1:{port}"] for job, port in servers.ports.items()})
    if isinstance(targets, Path):
        folders, jobs = [targets.resolve(), own], set(SITE_JOBS)
    else:
        write_targets(own, targets)
        folders, jobs = [own], set(targets)
    managers = [f"127.0.0.1:{servers.ports['alertmanager']}"] if "alertmanager" in servers.ports else []
    return Place(
        folder=servers.folder / "prometheus",
        target_folders=folders,
        jobs=jobs | {*servers.ports},
        alertmanagers=managers,
        speed=speed,
        scrape_interval=scrape_interval,
    )
