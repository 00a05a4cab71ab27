"""Rejected lines as a file, however many there are."""

import csv
import io
from collections.abc import Iterator
from itertools import islice

from cashback.models import ImportJob, ImportRow
from coupon_site.api.streams import Streamed

AT_ONCE = 1_000
# A spreadsheet takes a cell that begins so for a formula, and formulas can call programs.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def error_file(job: ImportJob) -> Streamed:
    """Line number, reasons, and the line itself."""
    response = Streamed(pages_of(job), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="rejected-{job.public_id}.csv"'
    return response


def pages_of(job: ImportJob) -> Iterator[str]:
    rows = ImportRow.objects.filter(job=job, line_hash=None).order_by("row_no")
    found = rows.values_list("row_no", "reasons", "raw").iterator(chunk_size=AT_ONCE)
    yield text_of([("line", "reasons", "text")])
    while page := list(islice(found, AT_ONCE)):
        yield text_of([(str(number), " ".join(reasons or ()), harmless(raw)) for number, reasons, raw in page])


def text_of(rows: list[tuple[str, str, str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()


def harmless(text: str) -> str:
    """Text that no spreadsheet calculates."""
    return f"'{text}" if text.startswith(FORMULA) else text
