"""From staged rows to conversions and their cashback: a batch of invoices per transaction, set by set."""

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from cashback.errors import ImportTakenOver
from cashback.models import Conversion, ImportJob, ImportState
from cashback.parsing import Reason
from cashback.services.imports.buyers import assign_buyers
from cashback.services.imports.cancellations import rematch
from cashback.services.imports.mappings import dialect_of
from cashback.services.imports.merging import ADDING, REPLACING, Merging
from cashback.services.imports.rewards import reward
from cashback.services.imports.staging import write
from cashback.services.imports.statements import fetch, hashed_joins, run

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
SELECT external_id, part, bool_and(is_cancellation), min(occurred_at), min(currency), max(currency)
FROM cashback_importrow
WHERE job_id = %(job)s AND line_hash IS NOT NULL AND external_id > %(after)s AND external_id <= %(up_to)s
GROUP BY external_id, part
"""

# Not by the range: what another file holds between two numbers may be the whole table.
KNOWN = """
SELECT id, external_id, part, currency FROM cashback_conversion
WHERE network_id = %(network)s AND external_id = ANY(%(numbers)s)
"""

MIXED = """
UPDATE cashback_importrow row SET outcome = 'error', reasons = '{mixed_currency}', line_hash = NULL,
    raw = concat_ws(' ', row.external_id, row.item, row.amount_minor::text, row.currency)
FROM cashback_conversion conversion
WHERE row.job_id = %(job)s AND row.line_hash IS NOT NULL
    AND row.external_id > %(after)s AND row.external_id <= %(up_to)s AND conversion.id = ANY(%(all)s)
    AND conversion.external_id = row.external_id AND conversion.part = row.part AND conversion.currency <> row.currency
"""

SEEN = """
SELECT conversion_id, bool_or(has_grown) FROM import_batch GROUP BY conversion_id ORDER BY conversion_id
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
            FROM cashback_conversionline line WHERE line.conversion_id = ANY(%(touched)s)
            GROUP BY line.conversion_id, line.line_hash, line.amount_minor, line.occurred_at, line.buyer_ref,
                (SELECT series_id FROM cashback_importjob WHERE id = line.job_id)
        ) AS said
        GROUP BY conversion_id, line_hash, amount_minor, occurred_at, buyer_ref
    ) AS known
    GROUP BY conversion_id
) AS total
WHERE conversion.id = total.conversion_id AND conversion.id = ANY(%(touched)s)
"""

REVISIONS = """
INSERT INTO cashback_conversionrevision
    (public_id, conversion_id, job_id, content_hash, gross_minor, cancelled_minor, created_at)
SELECT gen_random_uuid(), id, %(job)s, md5(content_hash || cancelled_minor::text), gross_minor, cancelled_minor, now()
FROM cashback_conversion WHERE id = ANY(%(changed)s)
ON CONFLICT (conversion_id, content_hash) DO NOTHING
"""


class Batch(NamedTuple):
    """What a batch found: new conversions, new or grown ones, how many there are, lines of other currencies."""

    created: list[int]
    touched: list[int]
    conversions: int
    mixed: int


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
    with hashed_joins():
        run(TOTALS, {"touched": batch.touched})
    assign_buyers(job, touched=batch.touched, at=timezone.now())
    matches = rematch(network_id=job.network_id, touched=batch.touched)
    changed = sorted({*batch.touched, *matches.affected})
    run(REVISIONS, {"job": job.pk, "changed": changed})
    reward(job, conversion_ids=changed, at=timezone.now())
    with hashed_joins():
        lines = run(merging_of(job).outcomes, {**values, "created": batch.created, "touched": batch.touched})
    run("DROP TABLE import_batch", {})
    advance(job, batch, up_to=up_to, lines=lines, more_clawbacks=matches.more_lines)


def hold(job: ImportJob) -> None:
    """Keep other processes off the batch until it is committed. Raises ImportTakenOver when one was here before."""
    mine = ImportJob.objects.filter(pk=job.pk, state=ImportState.RUNNING, applied_to=job.applied_to)
    if not mine.select_for_update(no_key=True).exists():
        raise ImportTakenOver(str(job.public_id))


def merging_of(job: ImportJob) -> Merging:
    return REPLACING if dialect_of(job).replaces else ADDING


def merge(job: ImportJob, values: dict[str, Any]) -> Batch:
    """Add the batch's lines to what is known; the values learn the batch's conversions."""
    merging = merging_of(job)
    created, known, has_mixed = make_conversions(job, values)
    values |= {"known": known, "all": [*known, *created]}
    with hashed_joins():
        mixed = run(MIXED, values) if has_mixed else 0
        run(merging.lay_out, values)
        run("ANALYZE import_batch", {})
        for statement in merging.write:
            run(statement, values)
    rows = fetch(SEEN, {})
    return Batch(created, [pk for pk, has_grown in rows if has_grown], conversions=len(rows), mixed=mixed)


def make_conversions(job: ImportJob, values: dict[str, Any]) -> tuple[list[int], list[int], bool]:
    """Rows for the batch's invoices that are not known yet; keys of these, of the known, and whether currencies mix."""
    currencies, drafts, old, has_mixed = {}, {}, [], False
    for external_id, part, is_cancellation, occurred_at, currency, another in fetch(KEYS, values):
        key = (external_id, part)
        currencies[key] = currency
        has_mixed |= currency != another
        drafts[key] = Conversion(
            network_id=job.network_id,
            external_id=external_id,
            part=part,
            is_cancellation=is_cancellation,
            currency=currency,
            occurred_at=occurred_at,
        )
    numbers = sorted({external_id for external_id, _ in drafts})
    for pk, external_id, part, currency in fetch(KNOWN, {**values, "numbers": numbers}):
        if drafts.pop((external_id, part), None):
            old.append(pk)
            has_mixed |= currencies[external_id, part] != currency
    created = Conversion.objects.bulk_create(drafts.values())
    return [conversion.pk for conversion in created], old, has_mixed


def advance(job: ImportJob, batch: Batch, *, up_to: str, lines: int, more_clawbacks: int) -> None:
    """Count, and move the cursor."""
    amended = len(batch.touched) - len(batch.created)
    changes: dict[str, object] = {
        "applied_to": up_to,
        "applied_lines": job.applied_lines + lines,
        "created_count": job.created_count + len(batch.created),
        "amended_count": job.amended_count + amended,
        "unchanged_count": job.unchanged_count + batch.conversions - len(batch.touched),
        "clawbacks": job.clawbacks + more_clawbacks,
        "heartbeat_at": timezone.now(),
    }
    if batch.mixed:
        reasons = Counter(job.reasons) + Counter({Reason.MIXED_CURRENCY.value: batch.mixed})
        changes |= {"rejected": job.rejected + batch.mixed, "reasons": dict(reasons)}
    write(job, ImportJob.objects.filter(pk=job.pk, applied_to=job.applied_to), changes)
