"""The folder in which backups lie, by the moment they were begun at."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from monitoring.backups.errors import BackupError
from monitoring.backups.manifest import NAME

BACKUP = re.compile(r"\d{8}T\d{6}Z")
UNFINISHED = ".partial"


@contextmanager
def held(shelf: Path) -> Iterator[None]:
    """One backup at a time; what a killed one left behind is removed."""
    shelf.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (shelf / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupError(f"Another backup to {shelf} is under way") from error
        for rest in shelf.glob(f".*{UNFINISHED}"):
            shutil.rmtree(rest)
        yield


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """A draft that appears as `folder` when all of it is on disk, or never."""
    draft = folder.with_name(f".{folder.name}{UNFINISHED}")
    draft.mkdir(mode=0o700)
    try:
        yield draft
        sync(draft)
        draft.rename(folder)
        sync_entry(folder.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def name_for(at: datetime) -> str:
    """`20261121T120000Z`: sorted by name is sorted by time."""
    return at.strftime("%Y%m%dT%H%M%SZ")


def backups_on(shelf: Path) -> list[Path]:
    """Whole ones, the oldest first."""
    return sorted(path for path in shelf.glob("*") if BACKUP.fullmatch(path.name) and (path / NAME).is_file())


def forget_all_but(shelf: Path, keep: int) -> list[Path]:
    """Remove the oldest; each stops looking whole before its first file goes."""
    gone = backups_on(shelf)[:-keep]
    for folder in gone:
        leaving = folder.with_name(f".{folder.name}{UNFINISHED}")
        folder.rename(leaving)
        shutil.rmtree(leaving)
    return gone


def sync(folder: Path) -> None:
    """Every file and folder below is on disk."""
    for parent, _, names in os.walk(folder):
        for name in names:
            sync_entry(Path(parent) / name)
        sync_entry(Path(parent))


def sync_entry(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
