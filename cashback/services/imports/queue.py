"""Uploads wait their turn in the outbox; importer processes work them off."""

import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from cashback.errors import FileGone, ImportBusy, ImportTakenOver, UnreadableFile
from cashback.models import ImportJob, ImportSource, ImportState, MappingProfile, Network
from cashback.services.imports.files import SourceFile, StoredFile, fingerprint, store
from cashback.services.imports.intake import Intake, open_import
from cashback.services.imports.mappings import network_of, require_text
from cashback.services.imports.running import run_import
from cashback.services.imports.validation import confirm_again, confirm_import, remap_import, validate_import
from events import enqueue, task
from events.errors import Defer

if TYPE_CHECKING:
    from events.models import OutboxMessage

# Well within a message's lease, so that a long file does not look like a killed worker.
SLICE_SECONDS = 15.0
BUSY_SECONDS = 3.0


@transaction.atomic
def receive_upload(
    *,
    network: Network | None,
    filename: str,
    file: SourceFile,
    actor: User,
    profile: MappingProfile | None = None,
) -> Intake:
    """Keep an upload and ask for its preview; a known file is kept no second time, but a failed import goes on.

    Without a network it is found out by the columns, without a profile by the file. Raises UnreadableFile.
    """
    require_text(file)
    intake = open_import(
        network=profile.network if profile else network or network_of(file),
        profile=profile,
        filename=filename,
        print_=fingerprint(file.chunks(0)),
        source=ImportSource.UPLOAD,
        actor=actor,
    )
    if not (intake.job.is_finished or intake.job.parts.exists()):
        store(intake.job, file.chunks(0))
    if intake.is_new:
        enqueue(work_on_upload, {"job": intake.job.public_id})
    elif intake.job.state == ImportState.FAILED:
        retry_import(job=intake.job, actor=actor, at=timezone.now())
    return intake


@transaction.atomic
def start_import(*, job: ImportJob, actor: User, at: datetime, changes: Mapping[str, Any] | None = None) -> ImportJob:
    """Let a previewed upload begin, read as proposed but for `changes`; again changes nothing.

    Raises MappingIncomplete, BadMapping, FileGone, IllegalTransition.
    """
    if confirm_import(job=job, file=stored(job), changes=changes or {}, at=at):
        enqueue(work_on_upload, {"job": job.public_id})
    return job


@transaction.atomic
def change_mapping(*, job: ImportJob, changes: Mapping[str, Any]) -> ImportJob:
    """Preview an upload as somebody decided. Raises BadMapping, FileGone, IllegalTransition."""
    return remap_import(job=job, file=stored(job), changes=changes)


@transaction.atomic
def retry_import(*, job: ImportJob, actor: User, at: datetime) -> ImportJob:
    """Let a failed upload go on at its last committed chunk. Raises FileGone, IllegalTransition."""
    if confirm_again(job=job, actor=actor, at=at):
        stored(job)
        enqueue(work_on_upload, {"job": job.public_id})
    job.refresh_from_db()
    return job


def stored(job: ImportJob) -> StoredFile:
    """The job's file as it was uploaded. Raises FileGone: a command's file lies where it was."""
    if job.size_bytes and not job.parts.exists():
        raise FileGone(job.filename)
    return StoredFile(job)


@task(topic="imports", transactional=False)
def work_on_upload(message: "OutboxMessage") -> None:
    """Preview an upload, or work on it for a while; the rest waits for the next turn. Its job tells what went wrong."""
    job = ImportJob.objects.get(public_id=message.payload["job"])
    if job.state in (ImportState.UPLOADED, ImportState.VALIDATING):
        with suppress(UnreadableFile):
            validate_import(job=job, file=StoredFile(job), profile=job.profile)
    elif job.is_going_on:
        import_upload(job)


def import_upload(job: ImportJob) -> None:
    deadline = time.monotonic() + SLICE_SECONDS
    try:
        finished = run_import(job=job, file=StoredFile(job), after_chunk=lambda _: time.monotonic() < deadline)
    except (ImportBusy, ImportTakenOver) as error:
        raise Defer(BUSY_SECONDS, str(error)) from error
    if not finished:
        raise Defer(0, "a long file goes on")
