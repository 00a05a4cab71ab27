"""`manage.py import_conversions FILE`: bring a network's file into conversions and wallets."""

from argparse import ArgumentParser
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from cashback.errors import BadMapping, ImportBusy, ImportTakenOver, MappingIncomplete, UnreadableFile
from cashback.models import ImportJob, ImportSource, MappingProfile, Network
from cashback.services import imports

BAR_WIDTH = 30
LINES_BETWEEN_REPORTS = 100_000
BAD_USE = 2


class Command(BaseCommand):
    help = "Import conversions from a network's file. Again it changes nothing; after a kill it goes on where it was."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="path of the file")
        parser.add_argument("--network", metavar="SLUG", help="whose file it is; found out by its columns unless given")
        parser.add_argument("--profile", metavar="NAME", help="how it is read; found out by the file unless given")
        parser.add_argument("--dry-run", action="store_true", help="show what would come of it and change nothing")

    def handle(self, *args: Any, file: str, network: str | None, profile: str | None, **options: Any) -> str:
        source = imports.LocalFile(self.readable(file))
        with transaction.atomic() if options["dry_run"] else nullcontext():
            try:
                job, was_done = self.work(source, self.network_of(source, network), profile)
            except (UnreadableFile, MappingIncomplete, BadMapping) as error:
                raise CommandError(f"{file} can't be imported: {error}", returncode=BAD_USE) from error
            self.report(job)
            if options["dry_run"]:
                transaction.set_rollback(True)
        return sentence(job, was_done=was_done, dry_run=options["dry_run"])

    def readable(self, file: str) -> Path:
        """The path of a file that can be opened; otherwise one line and exit status 2."""
        path = Path(file)
        try:
            with path.open("rb"):
                return path
        except OSError as error:
            raise CommandError(f"{file} can't be read: {error.strerror}.", returncode=BAD_USE) from error

    def network_of(self, source: imports.LocalFile, slug: str | None) -> Network:
        """Whose file it is; one line and exit status 2 when nobody knows."""
        if not slug:
            return imports.network_of(source)
        if network := Network.objects.filter(slug=slug).first():
            return network
        known = ", ".join(Network.objects.order_by("slug").values_list("slug", flat=True))
        raise CommandError(f"There is no network {slug}. Known: {known or 'none'}.", returncode=BAD_USE)

    def profile_of(self, network: Network, name: str | None) -> MappingProfile | None:
        if not name:
            return None
        if profile := network.profiles.filter(name=name).first():
            return profile
        known = ", ".join(network.profiles.order_by("name").values_list("name", flat=True))
        raise CommandError(f"{network} has no profile {name}. Known: {known or 'none'}.", returncode=BAD_USE)

    def work(self, source: imports.LocalFile, network: Network, profile: str | None) -> tuple[ImportJob, bool]:
        """The file's job, brought to its end, and whether it had been there before."""
        named = self.profile_of(network, profile)
        intake = imports.open_import(
            network=network,
            filename=str(source.path),
            print_=imports.fingerprint(source.chunks(0)),
            source=ImportSource.COMMAND,
        )
        was_done = intake.job.is_finished
        try:
            imports.prepare_import(job=intake.job, file=source, profile=named, at=timezone.now())
            self.warn(intake.job)
            imports.run_import(job=intake.job, file=source, after_chunk=self.progress)
        except (ImportBusy, ImportTakenOver) as error:
            raise CommandError(f"Another import of {network} is running: {error}") from error
        return intake.job, was_done

    def warn(self, job: ImportJob) -> None:
        for finding in (job.preview or {}).get("warnings", []):
            self.stderr.write(f"Note: {finding['detail']}")

    def progress(self, job: ImportJob) -> bool:
        """A bar on a terminal, a line now and then otherwise."""
        if self.stdout.isatty():
            self.stdout.write(f"\r{bar(job)}", ending="")
            self.stdout.flush()
        elif job.staged_at is None and job.lines % LINES_BETWEEN_REPORTS == 0:
            self.stdout.write(f"{job.lines:,} lines read")
        return True

    def report(self, job: ImportJob) -> None:
        if self.stdout.isatty():
            self.stdout.write("")
        for name, number in figures(job):
            self.stdout.write(f"{name:<32}{number:>12,}")


def bar(job: ImportJob) -> str:
    """How far it is, on one line."""
    what = f"applied {job.conversions:,} conversions" if job.staged_at else f"read {job.lines:,} lines"
    return f"[{'#' * round(job.progress * BAR_WIDTH):<{BAR_WIDTH}}] {what:<40}"


def figures(job: ImportJob) -> list[tuple[str, int]]:
    """The summary's lines."""
    return [
        ("Lines", job.lines),
        ("Conversions", job.conversions),
        ("  new", job.created_count),
        ("  amended", job.amended_count),
        ("  unchanged", job.unchanged_count),
        ("Clawbacks", job.clawbacks),
        ("Rejected lines, by reason(s)", job.rejected),
        *((f"  {reason}", number) for reason, number in sorted(job.reasons.items())),
    ]


def sentence(job: ImportJob, *, was_done: bool, dry_run: bool) -> str:
    """How it ended."""
    if was_done:
        return f"This file was imported before ({job.finished_at:%Y-%m-%d %H:%M} UTC): nothing changed."
    found = f"{job.conversions:,} conversions and {job.clawbacks:,} clawbacks from {job.lines:,} lines"
    found += f", {job.rejected:,} rejected"
    return f"Dry run: {found}; nothing was changed." if dry_run else f"Done: {found}."
