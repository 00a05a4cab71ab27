"""From staged rows to conversions and their cashback: a batch of invoices per transaction, set by set."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from cashback.errors import ImportTakenOver
from cashback.models import Conversion, ImportJob, ImportState
from cashback.services.imports.buyers import assign_buyers
from cashback.services.imports.cancellations import rematch
from cashback.services.imports.rewards import reward
from cashback.services.imports.staging import write
from cashback.services.imports.statements import fetch, run

BATCH_INVOICES = 1_000

# The batch is a range of the network's own numbers, so that the cursor is one value.
UP_TO = """
SELECT max(external_id) FROM (
    SELECT DISTINCT external_id FROM cashback_importrow
    WHERE job_id = %(job)s AND line_hash IS NOT NULL AND external_id > %(after)s
    ORDER BY external_id LIMIT %(limit)s
) AS next
"""

KEYS = """
SELECT external_id, part, bool_and(is_cancellation), min(occurred_at) FROM cashback_importrow
WHERE job_id = %(job)s AND line_hash IS NOT NULL AND external_id > %(after)s AND external_id <= %(up_to)s
GROUP BY external_id, part
"""

# Pieces of one file add up; of what unrelated files say the largest count holds. So a line has grown when its own
# series now says more than any did before.
BATCH = """
CREATE TEMPORARY TABLE import_batch ON COMMIT DROP AS
SELECT said.*, coalesce(known.of_series, 0) + said.copies > coalesce(known.of_any, 0) AS has_grown
FROM (
    SELECT conversion.id AS conversion_id, row.line_hash, min(row.buyer_ref) AS buyer_ref, min(row.item) AS item,
        min(row.quantity) AS quantity, min(row.amount_minor) AS amount_minor, min(row.occurred_at) AS occurred_at,
        count(*)::integer AS copies
    FROM cashback_importrow row
    JOIN cashback_conversion conversion ON conversion.network_id = %(network)s
        AND conversion.external_id = row.external_id AND conversion.part = row.part
    WHERE row.job_id = %(job)s AND row.line_hash IS NOT NULL
        AND row.external_id > %(after)s AND row.external_id <= %(up_to)s
    GROUP BY conversion.id, row.line_hash
) AS said
LEFT JOIN LATERAL (
    SELECT max(copies) AS of_any, max(copies) FILTER (WHERE series_id = %(series)s) AS of_series FROM (
        SELECT job.series_id, sum(line.copies) AS copies
        FROM cashback_conversionline line JOIN cashback_importjob job ON job.id = line.job_id
        WHERE line.conversion_id = said.conversion_id AND line.line_hash = said.line_hash
        GROUP BY job.series_id
    ) AS series
) AS known ON said.conversion_id <> ALL(%(created)s)
"""

ADD_LINES = """
INSERT INTO cashback_conversionline
    (conversion_id, job_id, line_hash, buyer_ref, item, quantity, amount_minor, occurred_at, copies)
SELECT conversion_id, %(job)s, line_hash, buyer_ref, item, quantity, amount_minor, occurred_at, copies
FROM import_batch
"""

SEEN = """
SELECT conversion_id, bool_or(has_grown), sum(copies)::integer FROM import_batch
GROUP BY conversion_id ORDER BY conversion_id
"""

TOTALS = """
UPDATE cashback_conversion conversion SET
    gross_minor = total.gross_minor, lines = total.lines, occurred_at = total.occurred_at,
    buyer_ref = total.buyer_ref, content_hash = total.content_hash
FROM (
    SELECT conversion_id, sum(amount_minor * copies) AS gross_minor, sum(copies) AS lines,
        min(occurred_at) AS occurred_at,
        CASE WHEN min(buyer_ref) = max(buyer_ref) THEN min(buyer_ref) ELSE '' END AS buyer_ref,
        md5(string_agg(line_hash::text || copies::text, ',' ORDER BY line_hash)) AS content_hash
    FROM (
        SELECT conversion_id, line_hash, amount_minor, occurred_at, buyer_ref, max(copies) AS copies
        FROM (
            SELECT line.conversion_id, line.line_hash, line.amount_minor, line.occurred_at, line.buyer_ref,
                sum(line.copies) AS copies
            FROM cashback_conversionline line JOIN cashback_importjob job ON job.id = line.job_id
            WHERE line.conversion_id = ANY(%(touched)s)
            GROUP BY line.conversion_id, line.line_hash, line.amount_minor, line.occurred_at, line.buyer_ref,
                job.series_id
        ) AS said
        GROUP BY conversion_id, line_hash, amount_minor, occurred_at, buyer_ref
    ) AS known
    GROUP BY conversion_id
) AS total
WHERE conversion.id = total.conversion_id
"""

REVISIONS = """
INSERT INTO cashback_conversionrevision
    (public_id, conversion_id, job_id, content_hash, gross_minor, cancelled_minor, created_at)
SELECT gen_random_uuid(), id, %(job)s, md5(content_hash || cancelled_minor::text), gross_minor, cancelled_minor, now()
FROM cashback_conversion WHERE id = ANY(%(changed)s)
ON CONFLICT (conversion_id, content_hash) DO NOTHING
"""

OUTCOMES = """
UPDATE cashback_importrow row SET outcome = CASE
    WHEN batch.conversion_id = ANY(%(created)s) THEN 'created'
    WHEN NOT batch.conversion_id = ANY(%(touched)s) THEN 'unchanged'
    WHEN batch.has_grown THEN 'amended'
    ELSE 'skipped_duplicate'
END
FROM import_batch batch
WHERE row.job_id = %(job)s AND row.line_hash IS NOT NULL AND row.line_hash = batch.line_hash
    AND row.external_id > %(after)s AND row.external_id <= %(up_to)s
"""


class Batch(NamedTuple):
    """What a batch found: new conversions, those that are new or have grown, how many there are, and lines."""

    created: list[int]
    touched: list[int]
    conversions: int
    lines: int


def apply(job: ImportJob, *, after_chunk: Callable[[ImportJob], bool]) -> bool:
    """Apply what is left of the staged rows; whether all of them are. `after_chunk` says whether to go on."""
    while up_to := next_bound(job):
        apply_batch(job, up_to=up_to)
        if not after_chunk(job):
            return False
    return True


def next_bound(job: ImportJob) -> str | None:
    """The last of the next invoices, or None when all are done."""
    values = {"job": job.pk, "after": job.applied_to, "limit": BATCH_INVOICES}
    return str(bound) if (bound := fetch(UP_TO, values)[0][0]) else None


@transaction.atomic
def apply_batch(job: ImportJob, *, up_to: str) -> None:
    """Bring a range of invoices into the conversions and the wallets, and move the cursor behind it; or nothing."""
    values = {
        "job": job.pk,
        "network": job.network_id,
        "after": job.applied_to,
        "up_to": up_to,
        "series": job.series_id,
    }
    hold(job)
    batch = merge(job, values)
    run(TOTALS, {"touched": batch.touched})
    assign_buyers(job, touched=batch.touched, at=timezone.now())
    matches = rematch(network_id=job.network_id, touched=batch.touched)
    changed = sorted({*batch.touched, *matches.affected})
    run(REVISIONS, {"job": job.pk, "changed": changed})
    reward(job, conversion_ids=changed, at=timezone.now())
    run(OUTCOMES, {**values, "created": batch.created, "touched": batch.touched})
    run("DROP TABLE import_batch", {})
    advance(job, batch, up_to=up_to, more_clawbacks=matches.more_lines, at=timezone.now())


def hold(job: ImportJob) -> None:
    """Keep other processes off the batch until it is committed. Raises ImportTakenOver when one was here before."""
    mine = ImportJob.objects.filter(pk=job.pk, state=ImportState.RUNNING, applied_to=job.applied_to)
    if not mine.select_for_update(no_key=True).exists():
        raise ImportTakenOver(str(job.public_id))


def merge(job: ImportJob, values: dict[str, Any]) -> Batch:
    """Add the batch's lines to what is known."""
    created = make_conversions(job, values)
    run(BATCH, {**values, "created": created})
    run("ANALYZE import_batch", {})
    run(ADD_LINES, values)
    rows = fetch(SEEN, {})
    touched = [pk for pk, has_grown, _ in rows if has_grown]
    return Batch(created, touched, conversions=len(rows), lines=sum(lines for _, _, lines in rows))


def make_conversions(job: ImportJob, values: dict[str, Any]) -> list[int]:
    """Rows for the invoices of the batch that are not known yet; their keys."""
    assert job.profile is not None  # noqa: S101  a job without one does not run
    currency = job.profile.currency
    drafts = {
        (external_id, part): Conversion(
            network_id=job.network_id,
            external_id=external_id,
            part=part,
            is_cancellation=is_cancellation,
            currency=currency,
            occurred_at=occurred_at,
        )
        for external_id, part, is_cancellation, occurred_at in fetch(KEYS, values)
    }
    known = Conversion.objects.filter(
        network=job.network_id, external_id__gt=job.applied_to, external_id__lte=values["up_to"]
    )
    for key in known.values_list("external_id", "part"):
        drafts.pop(key, None)
    return [conversion.pk for conversion in Conversion.objects.bulk_create(drafts.values())]


def advance(job: ImportJob, batch: Batch, *, up_to: str, more_clawbacks: int, at: datetime) -> None:
    """Count, and move the cursor."""
    amended = len(batch.touched) - len(batch.created)
    changes: dict[str, object] = {
        "applied_to": up_to,
        "applied_lines": job.applied_lines + batch.lines,
        "created_count": job.created_count + len(batch.created),
        "amended_count": job.amended_count + amended,
        "unchanged_count": job.unchanged_count + batch.conversions - len(batch.touched),
        "clawbacks": job.clawbacks + more_clawbacks,
        "heartbeat_at": at,
    }
    write(job, ImportJob.objects.filter(pk=job.pk, applied_to=job.applied_to), changes)
