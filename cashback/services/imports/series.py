"""Is this file a piece of one that came in pieces?

Two files may hold equal lines of an invoice for two reasons: the invoice was exported again (the line is the same
line), or one file was split and the invoice really has equal lines (the lines are two). Files tell by what else they
share. Pieces that were mixed before share invoices, but few of their lines. Pieces that were cut off share the invoice
at the cut, which ends one and begins the other, and repeat no stretch of it. An export of the same invoices does
neither. In doubt a line is the same line: nobody is paid twice.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from cashback.models import ImportJob, ImportRow
from cashback.services.imports.statements import fetch, hashed_joins, run

# Mixed pieces have less than one line in `MOST_SHARED` in common, among the invoices that both hold.
MOST_SHARED = 4
CUTS = 2  # a piece is cut off at its start and at its end

# OFFSET keeps the planner from another join: each invoice is looked up, whatever statistics say of the tables.
# For each series: the invoices it shares with a job, how many lines of them both hold, how many the smaller side has.
RELATED = """
WITH mine AS (
    SELECT external_id, part, line_hash, count(*) AS copies FROM cashback_importrow
    WHERE job_id = %(job)s AND line_hash IS NOT NULL GROUP BY external_id, part, line_hash
), theirs AS (
    SELECT (SELECT series_id FROM cashback_importjob WHERE id = line.job_id) AS series_id,
        conversion.external_id, conversion.part, line.line_hash, sum(line.copies) AS copies
    FROM (SELECT DISTINCT external_id, part FROM mine) AS wanted
    CROSS JOIN LATERAL (
        SELECT id, external_id, part FROM cashback_conversion
        WHERE network_id = %(network)s AND external_id = wanted.external_id AND part = wanted.part OFFSET 0
    ) AS conversion
    CROSS JOIN LATERAL (
        SELECT * FROM cashback_conversionline WHERE conversion_id = conversion.id AND job_id <> %(job)s OFFSET 0
    ) AS line
    GROUP BY 1, 2, 3, 4
), shared AS (
    SELECT DISTINCT series_id, external_id, part FROM theirs
), size_of_mine AS (
    SELECT series_id, count(DISTINCT (external_id, part)) AS invoices, sum(copies) AS lines
    FROM shared JOIN mine USING (external_id, part) GROUP BY series_id
), size_of_theirs AS (
    SELECT series_id, sum(copies) AS lines FROM theirs GROUP BY series_id
), common AS (
    SELECT series_id, sum(least(mine.copies, theirs.copies)) AS lines
    FROM theirs JOIN mine USING (external_id, part, line_hash) GROUP BY series_id
)
SELECT series_id, size_of_mine.invoices, coalesce(common.lines, 0)::bigint,
    least(size_of_mine.lines, size_of_theirs.lines)::bigint
FROM size_of_mine JOIN size_of_theirs USING (series_id) LEFT JOIN common USING (series_id)
ORDER BY coalesce(common.lines, 0) / least(size_of_mine.lines, size_of_theirs.lines), series_id
"""

SHARED_INVOICES = """
SELECT DISTINCT external_id, part FROM cashback_importrow WHERE job_id = %(job)s AND line_hash IS NOT NULL
INTERSECT
SELECT conversion.external_id, conversion.part FROM cashback_conversion conversion
JOIN cashback_conversionline line ON line.conversion_id = conversion.id
JOIN cashback_importjob job ON job.id = line.job_id
WHERE conversion.network_id = %(network)s AND job.series_id = %(series)s
"""

# As sets: a join of the two turns into a loop in a loop while statistics are those of before the import.
SHARE_A_CONVERSION = """
SELECT EXISTS (
    SELECT line.conversion_id FROM cashback_conversionline line JOIN cashback_importjob job ON job.id = line.job_id
    WHERE job.series_id = %(one)s AND line.conversion_id IS NOT NULL
    INTERSECT
    SELECT line.conversion_id FROM cashback_conversionline line JOIN cashback_importjob job ON job.id = line.job_id
    WHERE job.series_id = %(other)s
)
"""

Key = tuple[str, str]


class Related(NamedTuple):
    """A series that shares invoices with a job, and how much of them."""

    series_id: int
    invoices: int
    common: int
    smaller: int


def join_series(job: ImportJob) -> int:
    """The series that a job's file belongs to; those that it ties together become one. Its own when it stands alone."""
    values = {"job": job.pk, "network": job.network_id}
    with hashed_joins():
        related = [Related(*row) for row in fetch(RELATED, values)]
    found = [each.series_id for each in related if is_mixed(each)]
    found += [each.series_id for each in related if not is_mixed(each) and is_cut_off(job, each)]
    if not found:
        return job.pk
    first, *others = found
    for other in others:
        if not fetch(SHARE_A_CONVERSION, {"one": first, "other": other})[0][0]:
            run(
                "UPDATE cashback_importjob SET series_id = %(one)s WHERE series_id = %(other)s",
                {"one": first, "other": other},
            )
    return first


def is_mixed(related: Related) -> bool:
    return MOST_SHARED * related.common < related.smaller


def is_cut_off(job: ImportJob, related: Related) -> bool:
    """Whether all that is shared are invoices at a cut."""
    if related.invoices > CUTS:
        return False
    values = {"job": job.pk, "network": job.network_id, "series": related.series_id}
    return all(is_at_a_cut(job, related.series_id, key) for key in fetch(SHARED_INVOICES, values))


def is_at_a_cut(job: ImportJob, series_id: int, key: Key) -> bool:
    """Whether an invoice ends one file and goes on at the start of the other."""
    holders = list(rows_of(ImportJob.objects.filter(series=series_id), key).values_list("job", flat=True).distinct())
    if len(holders) != 1:
        return False
    mine, theirs = hashes_of(job.pk, key), hashes_of(holders[0], key)
    first, last = edges_of(job.pk)
    their_first, their_last = edges_of(holders[0])
    goes_on = first == key == their_last and not repeats(theirs, mine)
    begins = last == key == their_first and not repeats(mine, theirs)
    return goes_on or begins


def rows_of(jobs: QuerySet[ImportJob], key: Key) -> QuerySet[ImportRow]:
    return ImportRow.objects.filter(job__in=jobs, external_id=key[0], part=key[1], line_hash__isnull=False)


def hashes_of(job_id: int, key: Key) -> list[UUID | None]:
    """An invoice's lines in the order of the file."""
    rows = rows_of(ImportJob.objects.filter(pk=job_id), key)
    return list(rows.order_by("row_no").values_list("line_hash", flat=True))


def edges_of(job_id: int) -> tuple[Key, Key]:
    """The invoices of a file's first and last good line."""
    keys = ImportRow.objects.filter(job=job_id, line_hash__isnull=False).values_list("external_id", "part")
    return keys.order_by("row_no")[0], keys.order_by("-row_no")[0]


def repeats(before: Sequence[object], after: Sequence[object]) -> bool:
    """Whether two stretches of lines overlap: the end of one begins the other, or one lies in the other."""
    sizes = range(1, min(len(before), len(after)) + 1)
    return any(before[-size:] == after[:size] for size in sizes) or lies_in(after, before) or lies_in(before, after)


def lies_in(part: Sequence[object], whole: Sequence[object]) -> bool:
    starts: Iterable[int] = range(len(whole) - len(part) + 1)
    return any(whole[start : start + len(part)] == part for start in starts)
