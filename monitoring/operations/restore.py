"""`manage.py monitoring restore`: a backup back in its place, or tried out beside what runs."""

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, OutputWrapper
from django.db import connections

from monitoring.backups import drill, parts, shelf, textfile
from monitoring.backups.errors import BackupError
from monitoring.backups.manifest import Manifest, verify
from monitoring.queries.invariants import reconcile
from monitoring.remote import RemoteError

HELP = "Put a backup back. Stop the site, Prometheus and Alertmanager first; nothing is overwritten without --force."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("backup", help="its folder, or `latest`")
    parser.add_argument(
        "--from", dest="shelf", metavar="FOLDER", type=Path, default=settings.VAR_DIR / "backups", help="of `latest`"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--force", action="store_true", help="overwrite what is there")
    how.add_argument("--check", action="store_true", help="only compare every file with the manifest")
    how.add_argument(
        "--drill", action="store_true", help="restore beside what runs, ask for the invariants and the known sample"
    )
    parser.add_argument(
        "--configuration", metavar="FOLDER", type=Path, help="where to unpack the configuration (default: nowhere)"
    )
    parts.add_places(parser)


def run(*, stdout: OutputWrapper, backup: str, **options: Any) -> str:
    try:
        folder = chosen(backup, options["shelf"])
        manifest = verify(folder)
        stdout.write(f"{folder} of {manifest.made_at}: {len(manifest.files)} files are as they were written")
        return way_of(options)(folder, manifest, stdout, options)
    except (BackupError, RemoteError, OSError) as error:
        raise CommandError(str(error), returncode=1) from error


Way = Callable[[Path, Manifest, OutputWrapper, dict[str, Any]], str]


def way_of(options: dict[str, Any]) -> Way:
    if options["check"]:
        return lambda *_: "The backup is whole."
    return try_out if options["drill"] else put_back


def chosen(backup: str, shelf_folder: Path) -> Path:
    if backup != "latest":
        return Path(backup)
    found = shelf.backups_on(shelf_folder)
    if not found:
        raise BackupError(f"There is no backup in {shelf_folder}")
    return found[-1]


def put_back(folder: Path, manifest: Manifest, stdout: OutputWrapper, options: dict[str, Any]) -> str:
    """Every part of the backup, after none of them is found in the way."""
    wanted = parts_of(manifest, options)
    full = [name for name, part in wanted.items() if not part.is_empty]
    if full and not options["force"]:
        raise BackupError(
            f"Nothing was restored: there is something already ({', '.join(full)}); --force overwrites it"
        )
    for part in wanted.values():
        part.refuse_running()
    connections.close_all()
    for name, part in wanted.items():
        part.restore(folder / name)
        stdout.write(f"{name}: restored")
    return closing_sentence() if "database" in wanted else "Restored."


def parts_of(manifest: Manifest, options: dict[str, Any]) -> dict[str, parts.Part]:
    """Those that the backup has and that are wanted; the configuration only when its place is named."""
    names = set(options["only"] or parts.NAMES) & manifest.parts.keys()
    if missing := set(options["only"] or ()) - manifest.parts.keys():
        raise BackupError(f"The backup has no {', '.join(sorted(missing))}")
    if options["configuration"] is None:
        names -= {"configuration"}
    here = parts.parts_here(options, configuration=options["configuration"] or Path())
    return {name: part for name, part in here.items() if name in names}


def closing_sentence() -> str:
    broken = [finding for finding in reconcile() if not finding.holds]
    if broken:
        names = ", ".join(finding.invariant for finding in broken)
        raise BackupError(f"Restored, but the database breaks its own rules: {names}")
    return "Restored; every invariant holds. Now run `manage.py migrate`, then start the site."


def try_out(folder: Path, manifest: Manifest, stdout: OutputWrapper, options: dict[str, Any]) -> str:
    """A drill: nothing that runs is touched."""
    names = [name for name in options["only"] or parts.NAMES if name in manifest.parts]
    for line in drill.rehearse(folder, manifest, names):
        stdout.write(line)
    if {"database", "prometheus"} <= set(names):
        textfile.note_drill(options["textfiles"])
    return "The backup can be restored."
