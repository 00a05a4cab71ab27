"""A backup tried out: database and Prometheus restored beside what runs, asked, and thrown away."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings

from coupon_site.servers import last_line
from monitoring.backups.errors import BackupError
from monitoring.backups.folders import replace
from monitoring.backups.manifest import Manifest
from monitoring.backups.parts import site_database
from monitoring.backups.prometheus import differing_samples
from monitoring.remote import Prometheus
from monitoring.stack import programs

SUFFIX = "_restore_drill"


def rehearse(folder: Path, manifest: Manifest, names: Sequence[str]) -> Iterator[str]:
    """Try the parts that can be tried; a line for each. Raises BackupError at the first that fails."""
    trials: dict[str, Callable[[Path, Manifest], str]] = {"database": try_database, "prometheus": try_prometheus}
    for name, trial in trials.items():
        if name in names:
            yield f"{name}: {trial(folder / name, manifest)}"


def try_database(folder: Path, manifest: Manifest) -> str:
    """Into a database of its own on the same server; the site's own rules are asked there."""
    with site_database().beside(f"coupon_site{SUFFIX}") as trial:
        trial.restore(folder)
        found, known = trial.count("SELECT count(*) FROM django_migrations"), manifest.parts["database"]["migrations"]
        if found != known:
            raise BackupError(f"The restored database has {found} migrations instead of {known}")
        asked = subprocess.run(  # noqa: S603  our own command
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "reconcile"],
            env={**os.environ, "DATABASE_URL": trial.url, "DATABASE_DIRECT_URL": "", "LOCAL": str(int(settings.LOCAL))},
            capture_output=True,
            text=True,
            check=False,
        )
    if asked.returncode:
        raise BackupError(f"The restored database: {last_line(asked.stdout or asked.stderr)}")
    return last_line(asked.stdout)


def try_prometheus(folder: Path, manifest: Manifest) -> str:
    """Under a Prometheus of its own, which scrapes nothing; the known sample is asked."""
    facts = manifest.parts["prometheus"]
    with TemporaryDirectory(prefix="restore-drill-") as name, prometheus_on(folder, Path(name)) as server:
        differing = differing_samples(server, facts)
    if differing:
        raise BackupError(f"The restored Prometheus: {differing[0]}")
    return f"{len(facts['sample']['series'])} series of {facts['sample']['query']} are there again"


@contextmanager
def prometheus_on(folder: Path, scratch: Path) -> Iterator[Prometheus]:
    """A Prometheus over a copy of the data, which deletes nothing of it."""
    replace(scratch / "data", folder)
    (scratch / "prometheus.yml").write_text("scrape_configs: []\n")
    try:
        program = programs.require(["prometheus"])["prometheus"]
        address = f"127.0.0.1:{programs.choose_ports({'prometheus': 0}, {})['prometheus']}"
        words = [f"--config.file={scratch}/prometheus.yml", f"--storage.tsdb.path={scratch}/data"]
        words += [f"--web.listen-address={address}", "--storage.tsdb.retention.time=100y"]
        ready = f"http://{address}/-/ready"
        with programs.running([program, *words], log=scratch / "log", ready_url=ready):
            yield Prometheus(f"http://{address}")
    except programs.StackError as error:
        raise BackupError(f"The backup can't be tried under a Prometheus: {error}") from error
