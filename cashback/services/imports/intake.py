"""Files come in: one job per file, whoever brings it and how often."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from cashback.metrics import import_jobs_total
from cashback.models import ImportJob, ImportKind, ImportSource, ImportState, Network
from cashback.services.imports.files import Fingerprint, fingerprint, store
from coupon_site.transitions import move
from events import enqueue
from events.registry import HandlerFunction

LONGEST_NAME = 200


class Intake(NamedTuple):
    """The job of a file, and whether the file was new."""

    job: ImportJob
    is_new: bool


@transaction.atomic
def open_import(
    *, network: Network, filename: str, print_: Fingerprint, source: ImportSource, actor: User | None = None
) -> Intake:
    """The job of a file: the one that exists, unless it was called off, or a new one."""
    known = ImportJob.objects.filter(kind=ImportKind.CONVERSIONS, sha256=print_.sha256).exclude(state=ImportState.CANCELLED)
    if job := known.order_by("-pk").first():
        return Intake(job, is_new=False)
    job = ImportJob.objects.create(
        source=source,
        network=network,
        filename=Path(filename).name[-LONGEST_NAME:],
        size_bytes=print_.size_bytes,
        sha256=print_.sha256,
        created_by=actor,
    )
    return Intake(job, is_new=True)


@transaction.atomic
def receive_upload(
    *,
    network: Network,
    filename: str,
    chunks: Callable[[], Iterable[bytes]],
    actor: User,
    run: HandlerFunction,
) -> Intake:
    """Keep an upload and ask for its import; a known file is kept no second time, but a failed import goes on.

    `chunks` gives the file's bytes from the start each time it is called; `run` is the task that imports.
    """
    print_ = fingerprint(chunks())
    intake = open_import(network=network, filename=filename, print_=print_, source=ImportSource.UPLOAD, actor=actor)
    if intake.is_new:
        store(intake.job, chunks())
    if intake.is_new or intake.job.state == ImportState.FAILED:
        enqueue(run, {"job": intake.job.public_id})
    return intake


@transaction.atomic
def cancel_import(*, job: ImportJob, actor: User | None, at: datetime | None = None) -> ImportJob:
    """Call off an import that has not begun. Raises IllegalTransition."""
    move(job, ImportState.CANCELLED, actor=actor, finished_at=at or timezone.now())
    job.parts.all().delete()
    transaction.on_commit(import_jobs_total.labels(source=job.source, status=ImportState.CANCELLED.value).inc)
    return job
