"""Prometheus' history: a snapshot by its API, copied out of its folder; back into an empty folder of a stopped one."""

import fcntl
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitoring.backups import folders
from monitoring.backups.errors import BackupError
from monitoring.remote import Prometheus

LOCK = "lock"
# Prometheus wants a folder of this name: while a file stands there it can't start on half of its history.
BARRIER = "wal"


@dataclass(frozen=True)
class History:
    """What a Prometheus keeps: asked by `server`, lying in `data`. `sample` is the query that proves a restore."""

    server: Prometheus
    data: Path
    sample: str = "up"

    def back_up(self, folder: Path) -> dict[str, Any]:
        """Copy a snapshot, and note what a query gave just before it."""
        if not self.data.is_dir():
            raise BackupError(f"Prometheus' data folder {self.data} is not there: name it with --prometheus-data")
        facts = self.known_sample()
        snapshot = self.data / "snapshots" / self.server.snapshot()
        if not snapshot.is_dir():
            raise BackupError(f"{self.server.name} keeps its data elsewhere than in {self.data}")
        try:
            shutil.copytree(snapshot, folder, dirs_exist_ok=True)
        finally:
            # It keeps deleted history on the disk as long as it stands.
            shutil.rmtree(snapshot)
        return facts

    def known_sample(self) -> dict[str, Any]:
        """What the query gives now, to be asked of what was restored."""
        at = time.time()
        series = [{"labels": each.labels, "value": each.value} for each in self.server.query(self.sample, at=at)]
        if not series:
            raise BackupError(f"{self.sample} gives nothing: there is no history to be backed up yet")
        return {"sample": {"query": self.sample, "at": at, "series": series}}

    @property
    def is_empty(self) -> bool:
        return folders.is_empty(self.data)

    def restore(self, folder: Path) -> None:
        """Put a backup in the place of everything there is; Prometheus must not run."""
        folders.replace(self.data, folder, barrier=BARRIER)

    def refuse_running(self) -> None:
        """Prometheus holds a lock on its folder, unless it was built without."""
        if self.is_empty:
            return
        if is_locked(self.data / LOCK) or self.server.is_answering("/-/ready"):
            raise BackupError(f"Prometheus runs on {self.data}, or another one at {self.server.name}: stop it first")


def is_locked(file: Path) -> bool:
    """Whether a process holds a file's lock."""
    try:
        with file.open("rb+") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def differing_samples(server: Prometheus, facts: dict[str, Any]) -> list[str]:
    """Series of the known sample that the server does not give as they were; a line each."""
    known = facts["sample"]
    found = {tuple(sorted(each.labels.items())): each.value for each in server.query(known["query"], at=known["at"])}
    lines = []
    for each in known["series"]:
        value = found.get(tuple(sorted(each["labels"].items())))
        if value != each["value"]:
            lines.append(f"{known['query']} {each['labels']} was {each['value']}, is {value}")
    return lines
