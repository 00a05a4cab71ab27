"""Files come in: one job per file, whoever brings it and how often."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from cashback.metrics import import_jobs_total
from cashback.models import ImportJob, ImportKind, ImportSource, ImportState, MappingProfile, Network
from cashback.services.imports.files import Fingerprint
from coupon_site.transitions import move

LONGEST_NAME = 200


class Intake(NamedTuple):
    """The job of a file, and whether the file was new."""

    job: ImportJob
    is_new: bool


@transaction.atomic
def open_import(  # noqa: PLR0913  what is known of a file
    *,
    network: Network,
    filename: str,
    print_: Fingerprint,
    source: ImportSource,
    actor: User | None = None,
    profile: MappingProfile | None = None,
) -> Intake:
    """The job of a file: the one that exists, unless it was called off or could not be read, or a new one."""
    known = ImportJob.objects.filter(kind=ImportKind.CONVERSIONS, sha256=print_.sha256).exclude(
        Q(state=ImportState.CANCELLED) | Q(state=ImportState.FAILED, mapping=None)
    )
    if job := known.order_by("-pk").first():
        return Intake(job, is_new=False)
    job = ImportJob.objects.create(
        source=source,
        network=network,
        profile=profile,
        filename=Path(filename).name[-LONGEST_NAME:],
        size_bytes=print_.size_bytes,
        sha256=print_.sha256,
        created_by=actor,
    )
    return Intake(job, is_new=True)


@transaction.atomic
def cancel_import(*, job: ImportJob, actor: User | None, at: datetime | None = None) -> ImportJob:
    """Call off an import that has not begun. Raises IllegalTransition."""
    move(job, ImportState.CANCELLED, actor=actor, finished_at=at or timezone.now())
    job.parts.all().delete()
    transaction.on_commit(import_jobs_total.labels(source=job.source, status=ImportState.CANCELLED.value).inc)
    return job
