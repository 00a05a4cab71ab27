"""Uploads wait their turn in the outbox; importer processes work them off."""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.models import User
from cashback.errors import ImportBusy, ImportTakenOver, UnreadableFile
from cashback.models import ImportJob, ImportSource, ImportState, Network
from cashback.services.imports.files import StoredFile, fingerprint, store
from cashback.services.imports.intake import Intake, open_import
from cashback.services.imports.running import run_import
from events import enqueue, task
from events.errors import Defer

if TYPE_CHECKING:
    from events.models import OutboxMessage

# Well within a message's lease, so that a long file does not look like a killed worker.
SLICE_SECONDS = 15.0
BUSY_SECONDS = 3.0


@transaction.atomic
def receive_upload(*, network: Network, filename: str, chunks: Callable[[], Iterable[bytes]], actor: User) -> Intake:
    """Keep an upload and ask for its import; a known file is kept no second time, but a failed import goes on.

    `chunks` gives the file's bytes from the start each time it is called.
    """
    print_ = fingerprint(chunks())
    intake = open_import(network=network, filename=filename, print_=print_, source=ImportSource.UPLOAD, actor=actor)
    if intake.is_new or intake.job.state == ImportState.FAILED:
        if not intake.job.parts.exists():
            store(intake.job, chunks())
        enqueue(import_upload, {"job": intake.job.public_id})
    return intake


@task(topic="imports", transactional=False)
def import_upload(message: "OutboxMessage") -> None:
    """Work on an upload for a while; the rest waits for the next turn. Of a file that can't be read its job tells."""
    job = ImportJob.objects.get(public_id=message.payload["job"])
    deadline = time.monotonic() + SLICE_SECONDS
    try:
        finished = run_import(job=job, file=StoredFile(job), after_chunk=lambda _: time.monotonic() < deadline)
    except UnreadableFile:
        return
    except (ImportBusy, ImportTakenOver) as error:
        raise Defer(BUSY_SECONDS, str(error)) from error
    if not finished:
        raise Defer(0, "a long file goes on")
