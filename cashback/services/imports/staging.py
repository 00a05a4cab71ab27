"""From the file into the table of rows, by COPY, a chunk per transaction."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from cashback.errors import ImportTakenOver
from cashback.models import ImportJob, ImportState
from cashback.parsing import BadLine, GoodLine, LineReader, Record, read_header, read_records
from cashback.services.imports.files import SourceFile
from cashback.services.imports.mappings import dialect_of

CHUNK_LINES = 5_000
COPY = """
COPY cashback_importrow (
    job_id, row_no, outcome, reasons, raw, external_id, part, is_cancellation, buyer_ref, item, quantity, amount_minor,
    currency, occurred_at, version, line_hash
) FROM STDIN
"""
# COPY's own escapes. A driver that looks up a converter per value takes longer than PostgreSQL.
NULL = "\\N"
TABS = 4  # between the texts of a good line
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def stage(job: ImportJob, file: SourceFile, *, after_chunk: Callable[[ImportJob], bool]) -> bool:
    """Stage what is left of the file; whether it is all there. `after_chunk` says whether to go on."""
    dialect = dialect_of(job)
    header, start = read_header(file.chunks(0), dialect)
    offset = max(start, job.cursor_bytes)
    reader = LineReader(dialect, header, latest=job.created_at)
    records = read_records(file.chunks(offset), dialect, offset=offset)
    while chunk := list(islice(records, CHUNK_LINES)):
        stage_chunk(job, reader, chunk)
        if not after_chunk(job):
            return False
    finish_staging(job, at=timezone.now())
    return True


@transaction.atomic
def stage_chunk(job: ImportJob, reader: LineReader, chunk: Sequence[Record]) -> None:
    """Write a chunk's rows and move the job's cursor behind it, or neither."""
    lines = [reader.read(record.cells) for record in chunk]
    advance(job, lines, end=chunk[-1].end)
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.write("".join(rows_of(lines, job_id=job.pk, first=job.cursor_rows - len(lines) + 1)))


def advance(job: ImportJob, lines: Sequence[GoodLine | BadLine], *, end: int) -> None:
    """One conditional UPDATE: whoever finds the cursor moved has lost the job. Raises ImportTakenOver."""
    bad = [line for line in lines if isinstance(line, BadLine)]
    reasons = Counter(job.reasons) + Counter(reason.value for line in bad for reason in line.reasons)
    now = timezone.now()
    changes = {
        "cursor_bytes": end,
        "cursor_rows": job.cursor_rows + len(lines),
        "lines": job.lines + len(lines),
        "rejected": job.rejected + len(bad),
        "reasons": dict(reasons),
        "heartbeat_at": now,
    }
    write(job, ImportJob.objects.filter(pk=job.pk, cursor_rows=job.cursor_rows), changes)


def write(job: ImportJob, still_mine: QuerySet[ImportJob], changes: dict[str, object]) -> None:
    """Change a running job if nobody else has gone on with it. Raises ImportTakenOver."""
    if not still_mine.filter(state=ImportState.RUNNING).update(**changes):
        raise ImportTakenOver(str(job.public_id))
    for name, value in changes.items():
        setattr(job, name, value)


def rows_of(lines: Sequence[GoodLine | BadLine], *, job_id: int, first: int) -> Iterator[str]:
    """Lines as COPY takes them."""
    for number, line in enumerate(lines, start=first):
        yield bad_row(line, job_id, number) if isinstance(line, BadLine) else good_row(line, job_id, number)


def bad_row(line: BadLine, job_id: int, number: int) -> str:
    reasons = ",".join(reason.value for reason in line.reasons)
    raw = line.raw.translate(ESCAPES)
    return f"{job_id}\t{number}\terror\t{{{reasons}}}\t{raw}\t\t\tf\t\t\t0\t0\t\t\\N\t\\N\t\\N\n"


def good_row(line: GoodLine, job_id: int, number: int) -> str:
    external_id, part, is_cancellation, buyer_ref, item, quantity, amount, currency, moment, version, line_hash = line
    sign = "t" if is_cancellation else "f"
    texts = f"{external_id}\t{part}\t{sign}\t{buyer_ref}\t{item}"
    if "\\" in texts or texts.count("\t") > TABS or "\n" in texts or "\r" in texts:
        external_id, part, buyer_ref, item = (text.translate(ESCAPES) for text in (external_id, part, buyer_ref, item))
        texts = f"{external_id}\t{part}\t{sign}\t{buyer_ref}\t{item}"
    figures = f"{quantity}\t{amount}\t{currency}\t{moment}\t{version or NULL}\t{line_hash}"
    return f"{job_id}\t{number}\tstaged\t\\N\t\t{texts}\t{figures}\n"


def finish_staging(job: ImportJob, *, at: datetime) -> None:
    """The whole file is staged."""
    write(job, ImportJob.objects.filter(pk=job.pk), {"staged_at": at, "heartbeat_at": at})
