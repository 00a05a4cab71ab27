"""What a file's first lines would bring, before anything is brought."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from cashback.models import BuyerReference, Conversion, ImportJob, Network, RowOutcome
from cashback.parsing import BadLine, GoodLine, LineReader, UnreadableHeader, dialect_from, read_header, read_records
from cashback.services.imports.files import SourceFile

SAMPLE_LINES = 1_000
SHOWN_LINES = 20


class Numbered(NamedTuple):
    number: int
    line: GoodLine | BadLine


def preview_of(job: ImportJob, mapping: Mapping[str, Any], file: SourceFile) -> dict[str, Any]:
    """The first lines as they are read, and the sums of the first thousand."""
    lines = sample(job, mapping, file)
    good = [line for _, line in lines if isinstance(line, GoodLine)]
    known = known_keys(job.network, good)
    return {
        "lines": [shown(each, known) for each in lines[:SHOWN_LINES]],
        "totals": {
            **totals(lines, good),
            "would_create": len({key_of(line) for line in good} - known),
            "known": len(known),
            "new_buyers": new_buyers(job.network, good),
        },
    }


def sample(job: ImportJob, mapping: Mapping[str, Any], file: SourceFile) -> list[Numbered]:
    """The first lines of the file; none when its header is not the mapping's."""
    dialect = dialect_from(mapping)
    try:
        header, start = read_header(file.chunks(0), dialect)
    except UnreadableHeader:
        return []
    reader = LineReader(dialect, header, latest=job.created_at)
    records = islice(read_records(file.chunks(start), dialect, offset=start), SAMPLE_LINES)
    return [Numbered(number, reader.read(record.cells)) for number, record in enumerate(records, start=1)]


def key_of(line: GoodLine) -> tuple[str, str]:
    return (line.external_id, line.part)


def known_keys(network: Network, good: Sequence[GoodLine]) -> set[tuple[str, str]]:
    keys = {key_of(line) for line in good}
    rows = Conversion.objects.filter(network=network, external_id__in={number for number, _ in keys})
    return keys & set(rows.values_list("external_id", "part"))


def new_buyers(network: Network, good: Sequence[GoodLine]) -> int:
    """How many customers nobody has heard of."""
    references = {line.buyer_ref for line in good}
    known = BuyerReference.objects.filter(network=network, external_id__in=references)
    return len(references) - known.count()


def totals(lines: Sequence[Numbered], good: Sequence[GoodLine]) -> dict[str, Any]:
    amounts: Counter[str] = Counter()
    for line in good:
        amounts[line.currency] += line.amount_minor
    moments = [line.occurred_at for line in good]
    bad = [line for _, line in lines if isinstance(line, BadLine)]
    return {
        "lines": len(lines),
        "good": len(good),
        "rejected": len(bad),
        "reasons": dict(Counter(reason.value for line in bad for reason in line.reasons)),
        "amounts_minor": dict(amounts),
        "conversions": len({key_of(line) for line in good}),
        "cancelled_lines": sum(line.is_cancellation for line in good),
        "first_at": moment(min(moments)) if moments else None,
        "last_at": moment(max(moments)) if moments else None,
    }


def shown(each: Numbered, known: set[tuple[str, str]]) -> dict[str, Any]:
    """A line as operators see it; the same keys whether it can be used or not."""
    number, line = each
    if isinstance(line, BadLine):
        return {**EMPTY, "row_no": number, "outcome": RowOutcome.ERROR.value, "reasons": line.reasons, "raw": line.raw}
    return {
        **EMPTY,
        "row_no": number,
        "outcome": "known" if key_of(line) in known else "new",
        "external_id": line.external_id,
        "occurred_at": moment(line.occurred_at),
        "buyer": line.buyer_ref,
        "item": line.item,
        "quantity": line.quantity,
        "amount_minor": line.amount_minor,
        "currency": line.currency,
    }


def moment(at: datetime) -> str:
    """As every other moment of the API."""
    return at.isoformat().replace("+00:00", "Z")


EMPTY: dict[str, Any] = {
    "row_no": 0,
    "outcome": "",
    "reasons": [],
    "raw": "",
    "external_id": "",
    "occurred_at": None,
    "buyer": "",
    "item": "",
    "quantity": 0,
    "amount_minor": 0,
    "currency": "",
}
