"""How each program is started."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from monitoring.stack.durations import divided

LOOKBACK = "5m"
RESEND_DELAY = "1m"
# As long as the objectives look back, and what a laptop has room for.
RETENTION = ("--storage.tsdb.retention.time=35d", "--storage.tsdb.retention.size=10GB")


@dataclass(frozen=True)
class Program:
    """A program of the stack and the port on which people expect it."""

    binary: str
    port: int
    ready: str = "/metrics"


# By the job that Prometheus asks it as; in the order of their start.
PROGRAMS = {
    "node": Program("prometheus-node-exporter", 9100),
    "redis": Program("prometheus-redis-exporter", 9121),
    "postgres": Program("prometheus-postgres-exporter", 9187),
    "alertmanager": Program("prometheus-alertmanager", 9093, "/-/ready"),
    "prometheus": Program("prometheus", 9090, "/-/ready"),
}


def arguments(job: str, *, port: int, folder: Path, textfiles: Path, speed: float) -> list[str]:
    """What a program is told; its data lie in a folder of its own."""
    options = {
        "node": lambda: [f"--collector.textfile.directory={textfiles}"],
        "redis": lambda: ["--connection-timeout=1s"],
        "alertmanager": lambda: alertmanager(folder / job),
        "prometheus": lambda: prometheus(folder / job, speed),
    }
    return [f"--web.listen-address=127.0.0.1:{port}", *options.get(job, list)()]


def prometheus(folder: Path, speed: float) -> list[str]:
    return [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        *RETENTION,
        "--web.enable-lifecycle",
        "--web.enable-admin-api",  # for snapshots; it listens on loopback only
        "--enable-feature=exemplar-storage",
        f"--query.lookback-delta={divided(LOOKBACK, speed)}",
        f"--rules.alert.resend-delay={divided(RESEND_DELAY, speed)}",
    ]


def alertmanager(folder: Path) -> list[str]:
    return [
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'data'}",
        "--cluster.listen-address=",  # alone
    ]


def environment(*, database_url: str, redis_url: str) -> dict[str, str]:
    """Where the exporters find their servers; passwords stand in no command line."""
    return {"DATA_SOURCE_NAME": data_source(database_url), "REDIS_ADDR": redis_address(redis_url)}


def redis_address(url: str) -> str:
    """The exporter knows sockets without a query, and no names of databases there."""
    return url.partition("?")[0] if urlsplit(url).scheme == "unix" else url


def data_source(url: str) -> str:
    """The exporter asks for TLS unless it is told not to; a server that wants it says so in its address."""
    return url if "sslmode=" in url else f"{url}{'&' if '?' in url else '?'}sslmode=disable"
