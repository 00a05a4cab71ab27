"""What a scan of the code found."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from flags.models import CodeReference
from flags.scan import Reference
from flags.services.propagation import locked_set


@transaction.atomic
def record_references(*, references: Sequence[Reference], at: datetime) -> None:
    """The lines that name flags now, instead of those that did; two scans at once leave those of the later one."""
    locked_set()
    CodeReference.objects.all().delete()
    CodeReference.objects.bulk_create(
        [
            CodeReference(key=each.key, path=each.path[:300], line=each.line, text=each.text, seen_at=at)
            for each in references
        ]
    )
