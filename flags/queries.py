"""Reads over all flags."""

from django.db.models import OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from flags.document import Document, FlagState
from flags.models import Flag, FlagChange, FlagSet

SET_VERSION = Subquery(FlagSet.objects.values("version")[:1])


def set_version() -> int:
    """The version of the newest committed write; 0 before the first."""
    return FlagSet.objects.values_list("version", flat=True).first() or 0


def read_document() -> Document:
    """All flags at one version: both come from one statement, so that they fit each other without a lock."""
    before = set_version()  # what a database without flags has
    rows = Flag.objects.order_by("key").values_list("key", "enabled", "kind", "client_visible", "version", SET_VERSION)
    version, flags = before, {}
    for key, enabled, kind, client_visible, of_flag, of_set in rows:
        flags[key] = FlagState(enabled, kind, client_visible, of_flag)
        version = of_set
    return Document(version, flags)


def flags_with_last_change() -> QuerySet[Flag]:
    """Flags with `changed_at`, `changed_by` (e-mail), `changed_source` and `changed_reason` of their last change."""
    last = FlagChange.objects.filter(flag=OuterRef("pk")).order_by("-id")
    return Flag.objects.annotate(
        # Rows that raw SQL made have no change.
        changed_at=Coalesce(Subquery(last.values("created_at")[:1]), "created_at"),
        changed_by=Subquery(last.values("actor__email")[:1]),
        changed_source=Coalesce(Subquery(last.values("source")[:1]), Value("")),
        changed_reason=Coalesce(Subquery(last.values("reason")[:1]), Value("")),
    )
