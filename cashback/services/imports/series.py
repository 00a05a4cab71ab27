"""Is this file a piece of one that came in pieces?

Two files may hold equal lines of an invoice for two reasons: the invoice was exported again (the line is the same
line), or one file was split and the invoice really has equal lines (the lines are two). Pieces share invoices, but
few of their lines; an export of the same invoices shares most of them. Nothing else in the files tells them apart.
"""

from django.db import connection

from cashback.models import ImportJob

# Pieces have less than one line in `MOST_SHARED` in common, among the invoices that both hold.
MOST_SHARED = 4

SERIES = """
WITH mine AS (
    SELECT external_id, part, line_hash, count(*) AS copies FROM cashback_importrow
    WHERE job_id = %(job)s AND line_hash IS NOT NULL GROUP BY external_id, part, line_hash
), theirs AS (
    SELECT line.series_id, conversion.external_id, conversion.part, line.line_hash, line.copies
    FROM cashback_conversion conversion JOIN cashback_conversionline line ON line.conversion_id = conversion.id
    WHERE conversion.network_id = %(network)s
        AND (conversion.external_id, conversion.part) IN (SELECT external_id, part FROM mine)
), shared AS (
    SELECT DISTINCT series_id, external_id, part FROM theirs
), size_of_mine AS (
    SELECT series_id, sum(copies) AS lines FROM shared JOIN mine USING (external_id, part) GROUP BY series_id
), size_of_theirs AS (
    SELECT series_id, sum(copies) AS lines FROM theirs GROUP BY series_id
), common AS (
    SELECT series_id, sum(least(mine.copies, theirs.copies)) AS lines
    FROM theirs JOIN mine USING (external_id, part, line_hash) GROUP BY series_id
), candidate AS (
    SELECT series_id, coalesce(common.lines, 0) AS common, least(size_of_mine.lines, size_of_theirs.lines) AS smaller
    FROM size_of_mine JOIN size_of_theirs USING (series_id) LEFT JOIN common USING (series_id)
)
SELECT series_id FROM candidate WHERE %(most)s * common < smaller
ORDER BY common::float / smaller, smaller DESC, series_id LIMIT 1
"""


def series_of(job: ImportJob) -> int:
    """The first job of the file that this one's is a piece of; the job itself when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(SERIES, {"job": job.pk, "network": job.network_id, "most": MOST_SHARED})
        found = cursor.fetchone()
    return int(found[0]) if found else job.pk
