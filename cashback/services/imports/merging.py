"""What a batch of staged lines adds to what is known, in two ways: lines add up, or the latest replaces all before."""

from typing import NamedTuple

RANGE = "row.job_id = %(job)s AND row.external_id > %(after)s AND row.external_id <= %(up_to)s"


class Merging(NamedTuple):
    """The statements of one way: lay out the batch, write its lines, tell what became of each row."""

    lay_out: str
    write: tuple[str, ...]
    outcomes: str


# Pieces of one file add up; of what unrelated files say the largest count holds. So a line has grown when its own
# series now says more than any did before.
ADDING = Merging(
    lay_out=f"""
CREATE TEMPORARY TABLE import_batch ON COMMIT DROP AS
SELECT said.*, coalesce(known.of_series, 0) + said.copies > coalesce(known.of_any, 0) AS has_grown
FROM (
    SELECT conversion.id AS conversion_id, row.line_hash, min(row.buyer_ref) AS buyer_ref, min(row.item) AS item,
        min(row.quantity) AS quantity, min(row.amount_minor) AS amount_minor, min(row.occurred_at) AS occurred_at,
        count(*)::integer AS copies
    FROM cashback_importrow row
    JOIN cashback_conversion conversion
        ON conversion.external_id = row.external_id AND conversion.part = row.part
    WHERE {RANGE} AND row.line_hash IS NOT NULL AND conversion.id = ANY(%(all)s)
    GROUP BY conversion.id, row.line_hash
) AS said
LEFT JOIN (
    SELECT conversion_id, line_hash, max(copies) AS of_any,
        max(copies) FILTER (WHERE series_id = %(series)s) AS of_series
    FROM (
        SELECT line.conversion_id, line.line_hash,
            (SELECT series_id FROM cashback_importjob WHERE id = line.job_id) AS series_id,
            sum(line.copies) AS copies
        FROM cashback_conversionline line WHERE line.conversion_id = ANY(%(known)s)
        GROUP BY 1, 2, 3
    ) AS series
    GROUP BY conversion_id, line_hash
) AS known USING (conversion_id, line_hash)
""",  # noqa: S608  its own constants
    write=(
        """
INSERT INTO cashback_conversionline
    (conversion_id, job_id, line_hash, buyer_ref, item, quantity, amount_minor, occurred_at, copies)
SELECT conversion_id, %(job)s, line_hash, buyer_ref, item, quantity, amount_minor, occurred_at, copies
FROM import_batch
""",
    ),
    outcomes=f"""
UPDATE cashback_importrow row SET outcome = CASE
    WHEN batch.conversion_id = ANY(%(created)s) THEN 'created'
    WHEN NOT batch.conversion_id = ANY(%(touched)s) THEN 'unchanged'
    WHEN batch.has_grown THEN 'amended'
    ELSE 'skipped_duplicate'
END
FROM import_batch batch
WHERE {RANGE} AND row.line_hash IS NOT NULL AND row.line_hash = batch.line_hash
""",  # noqa: S608  its own constants
)

# Of lines that are equally late the smaller amount holds, so that no order of them makes a difference.
REPLACING = Merging(
    lay_out=f"""
CREATE TEMPORARY TABLE import_batch ON COMMIT DROP AS
SELECT said.*, is_later, is_later AND said.line_hash IS DISTINCT FROM known.line_hash AS has_grown
FROM (
    SELECT DISTINCT ON (conversion.id) conversion.id AS conversion_id, row.line_hash, row.buyer_ref, row.item,
        row.quantity, row.amount_minor, row.occurred_at, row.version
    FROM cashback_importrow row
    JOIN cashback_conversion conversion
        ON conversion.external_id = row.external_id AND conversion.part = row.part
    WHERE {RANGE} AND row.line_hash IS NOT NULL AND conversion.id = ANY(%(all)s)
    ORDER BY conversion.id, row.version DESC, row.amount_minor, row.line_hash DESC
) AS said
LEFT JOIN LATERAL (
    SELECT line_hash, version, amount_minor FROM cashback_conversionline line
    WHERE line.conversion_id = said.conversion_id ORDER BY version DESC NULLS LAST LIMIT 1
) AS known ON true
CROSS JOIN LATERAL (
    SELECT coalesce(
        (said.version, -said.amount_minor, said.line_hash) > (known.version, -known.amount_minor, known.line_hash), true
    ) AS is_later
) AS compared
""",  # noqa: S608  its own constants
    write=(
        """
DELETE FROM cashback_conversionline line USING import_batch batch
WHERE line.conversion_id = ANY(%(known)s) AND line.conversion_id = batch.conversion_id AND batch.is_later
""",
        """
INSERT INTO cashback_conversionline
    (conversion_id, job_id, line_hash, buyer_ref, item, quantity, amount_minor, occurred_at, version, copies)
SELECT conversion_id, %(job)s, line_hash, buyer_ref, item, quantity, amount_minor, occurred_at, version, 1
FROM import_batch WHERE is_later
""",
    ),
    outcomes=f"""
UPDATE cashback_importrow row SET outcome = CASE
    WHEN row.line_hash <> batch.line_hash THEN 'skipped_duplicate'
    WHEN batch.conversion_id = ANY(%(created)s) THEN 'created'
    WHEN batch.has_grown THEN 'amended'
    ELSE 'unchanged'
END
FROM import_batch batch JOIN cashback_conversion conversion ON conversion.id = batch.conversion_id
WHERE {RANGE} AND row.line_hash IS NOT NULL AND conversion.id = ANY(%(all)s)
    AND conversion.external_id = row.external_id AND conversion.part = row.part
""",  # noqa: S608  its own constants
)
