"""Bringing an import to its end, in as many goes as it takes."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import Count
from django.utils import timezone

from cashback.errors import ImportBusy, ImportTakenOver
from cashback.events import ImportFinished
from cashback.metrics import import_job_duration_seconds, import_jobs_in_progress, import_jobs_total, import_rows_total
from cashback.models import ImportJob, ImportState
from cashback.services.imports.applying import apply
from cashback.services.imports.files import SourceFile
from cashback.services.imports.mappings import dialect_of
from cashback.services.imports.series import join_series
from cashback.services.imports.staging import stage, write
from coupon_site.errors import IllegalTransition
from coupon_site.transitions import move
from events import publish

# A running import that has committed nothing for so long was killed.
STALLED = timedelta(minutes=2)

AfterChunk = Callable[[ImportJob], bool]


def go_on(job: ImportJob) -> bool:
    return True


def run_import(*, job: ImportJob, file: SourceFile, after_chunk: AfterChunk = go_on) -> bool:
    """Import a file from the last committed chunk on; whether it is finished. `after_chunk` may stop it after any.

    Raises ImportBusy while another file of the network is imported, ImportTakenOver when another process has gone on
    with the job, IllegalTransition before somebody said that it may begin.
    """
    job.refresh_from_db()
    if job.is_finished:
        return True
    begin(job, at=timezone.now())
    with import_jobs_in_progress.track_inprogress():
        try:
            return work(job, file, after_chunk)
        except (ImportTakenOver, OperationalError, InterfaceError):
            raise  # nothing is wrong with the file: another process, or another try, goes on
        except Exception as error:
            fail(job, f"{type(error).__name__}: {error}")
            raise


def work(job: ImportJob, file: SourceFile, after_chunk: AfterChunk) -> bool:
    if job.staged_at is None and not stage(job, file, after_chunk=after_chunk):
        return False
    if job.series_id is None:
        find_series(job)
    if not apply(job, after_chunk=after_chunk):
        return False
    finish(job, at=timezone.now())
    return True


@transaction.atomic
def find_series(job: ImportJob) -> None:
    """Before anything is applied, while no other file of the network is."""
    series_id = job.pk if dialect_of(job).replaces else join_series(job)  # what is replaced does not add up
    write(job, ImportJob.objects.filter(pk=job.pk, series=None), {"series_id": series_id})


def begin(job: ImportJob, *, at: datetime) -> None:
    """Take the network's turn."""
    if job.state != ImportState.RUNNING:
        fail_stalled(at=at)
        take_turn(job, at=at)


def fail_stalled(*, at: datetime) -> int:
    """Imports whose process is gone have failed, and hold up nobody; they can be taken up again. Answers how many."""
    stalled = list(ImportJob.objects.filter(state=ImportState.RUNNING, heartbeat_at__lt=at - STALLED))
    for job in stalled:
        fail(job, "its process is gone")
    return len(stalled)


def take_turn(job: ImportJob, *, at: datetime) -> None:
    """The database lets one import of a network run. Raises ImportBusy."""
    if job.mapping is None:
        raise IllegalTransition(f"import is {job.state}, nobody knows how to read it", state=job.state)
    try:
        with transaction.atomic():
            move(job, ImportState.RUNNING, started_at=job.started_at or at, heartbeat_at=at, error="")
    except IntegrityError as error:
        raise ImportBusy(f"{job.network}: try again when it is done.") from error


def fail(job: ImportJob, error: str) -> None:
    """The job stops here; it can go on at its last committed chunk."""
    try:
        with transaction.atomic():
            text = error.replace("\x00", "")[:300]
            move(job, ImportState.FAILED, reason=text, error=text, confirmed_at=None)
            transaction.on_commit(import_jobs_total.labels(source=job.source, status=ImportState.FAILED.value).inc)
    except IllegalTransition:
        job.refresh_from_db()


@transaction.atomic
def finish(job: ImportJob, *, at: datetime) -> None:
    """All is applied: count, announce, and let go of the file."""
    end = ImportState.DONE_WITH_ERRORS if job.rejected else ImportState.DONE
    move(job, end, finished_at=at)
    job.parts.all().delete()
    outcomes = dict(job.rows.values_list("outcome").annotate(rows=Count("pk")).order_by())
    transaction.on_commit(lambda: count(job, outcomes))
    publish(
        ImportFinished(
            job=job.public_id,
            network=job.network.slug,
            filename=job.filename,
            state=end.value,
            lines=job.lines,
            rejected=job.rejected,
            conversions=job.conversions,
            clawbacks=job.clawbacks,
        )
    )


def count(job: ImportJob, outcomes: dict[str, int]) -> None:
    import_jobs_total.labels(source=job.source, status=job.state).inc()
    for outcome, rows in outcomes.items():
        import_rows_total.labels(result=outcome).inc(rows)
    if job.started_at and job.finished_at:
        import_job_duration_seconds.observe((job.finished_at - job.started_at).total_seconds())
