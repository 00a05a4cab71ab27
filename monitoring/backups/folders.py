"""Folders that are backed up as they are: copied out, and put back as a whole."""

import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitoring.backups.errors import BackupError
from monitoring.backups.shelf import sync, sync_entry
from monitoring.remote.server import Server

INCOMING = ".restoring"


@dataclass(frozen=True)
class Folder:
    """A folder, or some entries of it by name. One that may be missing is then empty."""

    path: Path
    entries: Collection[str] = ()
    may_be_missing: bool = False
    user: Server | None = None  # who must not run while the folder is replaced

    def back_up(self, folder: Path) -> dict[str, Any]:
        if not self.path.is_dir() and not self.may_be_missing:
            raise BackupError(f"There is no folder {self.path}")
        for name in sorted(self.entries or entries_of(self.path)):
            source = self.path / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.is_file():
                shutil.copy2(source, folder / name)
        return {}

    @property
    def is_empty(self) -> bool:
        return is_empty(self.path)

    def restore(self, folder: Path) -> None:
        replace(self.path, folder)

    def refuse_running(self) -> None:
        if self.user is not None and not self.is_empty and self.user.is_answering("/-/ready"):
            raise BackupError(f"{self.user.name} runs, and may write to {self.path}: stop it first")


def is_empty(folder: Path) -> bool:
    """Whether nothing would be lost."""
    return not entries_of(folder)


def entries_of(folder: Path) -> set[str]:
    """Names in a folder, without the one that a new disk begins with."""
    return {path.name for path in folder.iterdir()} - {"lost+found"} if folder.is_dir() else set()


def replace(target: Path, source: Path, *, barrier: str = "") -> None:
    """Make `target` hold what `source` holds and nothing else. Killed half-way, `.restoring` stays behind in it.

    The folder itself stays: it may be the root of a mounted disk. `barrier` is a file that stands in it while it is
    neither what it was nor what it will be.
    """
    target.mkdir(parents=True, exist_ok=True)
    incoming = target / INCOMING
    shutil.rmtree(incoming, ignore_errors=True)
    shutil.copytree(source, incoming)
    give_to_owner_of(target, incoming)
    sync(incoming)
    if barrier:
        remove(target / barrier)
        (target / barrier).touch()
        sync_entry(target)
    for name in sorted(entries_of(target) - {INCOMING, barrier}):
        remove(target / name)
    for name in sorted(entries_of(incoming)):
        if name == barrier:
            continue
        (incoming / name).rename(target / name)
    if barrier:
        (target / barrier).unlink()
        if (incoming / barrier).exists():
            (incoming / barrier).rename(target / barrier)
    incoming.rmdir()
    sync_entry(target)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def give_to_owner_of(target: Path, folder: Path) -> None:
    """Root restores for the server that will read the files."""
    if os.geteuid() != 0:
        return
    owner = target.stat()
    for parent, _, names in os.walk(folder):
        for path in (Path(parent), *(Path(parent) / name for name in names)):
            os.chown(path, owner.st_uid, owner.st_gid)
