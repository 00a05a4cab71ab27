"""`manage.py monitoring backup`: database, uploads, Prometheus, Alertmanager and configuration into one folder."""

import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, OutputWrapper

from monitoring.backups import parts, shelf, textfile
from monitoring.backups.errors import BackupError
from monitoring.backups.manifest import Manifest, files_below
from monitoring.remote import RemoteError

HELP = "Back everything up while it runs: into a folder that appears when it is whole, with a manifest of checksums."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--to", metavar="FOLDER", type=Path, default=settings.VAR_DIR / "backups", help="(default %(default)s)"
    )
    parser.add_argument("--keep", type=int, default=0, metavar="N", help="forget all but the newest N (default: none)")
    parser.add_argument(
        "--sample", default="up", metavar="QUERY", help="what to ask of a restore (default %(default)s)"
    )
    parts.add_places(parser)


def run(*, stdout: OutputWrapper, to: Path, keep: int, only: list[str] | None, **options: Any) -> str:
    here = parts.parts_here(options, sample=options["sample"])
    wanted = {name: part for name, part in here.items() if name in (only or parts.NAMES)}
    try:
        with shelf.held(to):
            folder = to / shelf.name_for(datetime.now(UTC))
            manifest = back_up(folder, wanted, stdout)
            forgotten = shelf.forget_all_but(to, keep) if keep > 0 else []
        textfile.note_backup(options["textfiles"], list(wanted))
    except (BackupError, RemoteError, OSError) as error:
        raise CommandError(f"Nothing was backed up: {error}", returncode=1) from error
    for gone in forgotten:
        stdout.write(f"forgot {gone.name}")
    size = sum(bytes_ for bytes_, _ in manifest.files.values())
    return f"{folder}: {len(manifest.files)} files, {megabytes(size)}."


def back_up(folder: Path, wanted: dict[str, parts.Part], stdout: OutputWrapper) -> Manifest:
    """Make the backup; it is there when this returns, and not before."""
    facts, begun = {}, datetime.now(UTC)
    with shelf.whole(folder) as draft:
        for name, part in wanted.items():
            start = time.monotonic()
            (draft / name).mkdir()
            facts[name] = part.back_up(draft / name)
            size = sum(path.stat().st_size for path in (draft / name).rglob("*") if path.is_file())
            stdout.write(f"{name}: {megabytes(size)} in {time.monotonic() - start:.1f} s")
        manifest = Manifest(
            made_at=begun.isoformat(timespec="seconds"),
            site_version=settings.SITE_VERSION,
            site_commit=settings.SITE_COMMIT,
            parts=facts,
            files=files_below(draft),
        )
        manifest.write(draft)
    return manifest


def megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
