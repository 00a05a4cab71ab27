"""Reads over all flags."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, JSONObject

from flags.choices import PlanState
from flags.definition import Constraint, Definition, Override, Prerequisite, Rule, SegmentDefinition, Targeting, Variant
from flags.document import Document, FlagState
from flags.errors import FlagUnknown
from flags.models import Flag, FlagChange, FlagSet, PlannedChange, Segment
from flags.models import Override as OverrideRow
from flags.models import Prerequisite as PrerequisiteRow
from flags.models import Rule as RuleRow
from flags.models import Variant as VariantRow
from flags.registry import declared, hint

# A definition's fields that are columns of the flag.
COLUMNS = {
    name: F(name)
    for name in Definition.__struct_fields__
    if name not in {"variants", "rules", "overrides", "prerequisites"}
}
TARGETING_COLUMNS = {name: field for name, field in COLUMNS.items() if name in Targeting.__struct_fields__}


def set_version() -> int:
    """The version of the newest committed write; 0 before the first."""
    return FlagSet.objects.values_list("version", flat=True).first() or 0


def read_document() -> Document:
    """All flags at one version: everything comes from one statement, so that it fits without a lock."""
    row = (
        FlagSet.objects.annotate(
            flags=ArraySubquery(
                Flag.objects.order_by("key").values(
                    json=JSONObject(key="key", state=JSONObject(version="version", **TARGETING_COLUMNS, **parts()))
                )
            ),
            segments=ArraySubquery(
                Segment.objects.living().values(json=JSONObject(key="key", constraints="constraints"))
            ),
        )
        .values("version", "flags", "segments")
        .first()
    )
    if row is None:  # nobody has written yet
        return Document(0, {})
    return Document(
        row["version"],
        {each["key"]: msgspec.convert(each["state"], FlagState) for each in row["flags"]},
        {each["key"]: constraints_of(each["constraints"]) for each in row["segments"]},
    )


def definition_of(key: str) -> Definition:
    """Everything of one flag. Raises Flag.DoesNotExist."""
    plain = Flag.objects.values_list(JSONObject(**COLUMNS, **parts())).get(key=key)
    return msgspec.convert(plain[0], Definition)


def definitions(flags: QuerySet[Flag] | None = None) -> dict[str, Definition]:
    """Everything of many flags, by key, in one statement."""
    rows = Flag.objects.all() if flags is None else flags
    found = rows.order_by("key").values_list(JSONObject(**COLUMNS, **parts()), flat=True)
    return {each.key: each for each in msgspec.convert([*found], list[Definition])}


def flags_with_definitions(keys: Collection[str]) -> list[tuple[Flag, Definition]]:
    """Rows and everything of these flags, in one statement; of those that there are, by name."""
    rows = Flag.objects.filter(key__in=keys).annotate(definition=JSONObject(**COLUMNS, **parts()))
    return [(row, msgspec.convert(vars(row)["definition"], Definition)) for row in rows.order_by("key")]


def find_flag(key: str) -> Flag:
    """The flag of this name. Raises FlagUnknown with what was probably meant."""
    flag = Flag.objects.filter(key=key).first()
    if flag is None:
        raise unknown_flag(key)
    return flag


def unknown_flag(key: str) -> FlagUnknown:
    known = {*Flag.objects.living().values_list("key", flat=True), *declared}
    return FlagUnknown(f"There is no flag {key!r}. {hint(key, known)}".rstrip())


def waiting_changes() -> dict[str, int]:
    """How many planned changes wait, by state."""
    counted = PlannedChange.objects.open().order_by().values_list("state").annotate(Count("pk"))
    return {str(state): 0 for state in PlanState.open()} | dict(counted)


def segment_of(key: str) -> SegmentDefinition:
    """Everything of one segment. Raises Segment.DoesNotExist."""
    row = Segment.objects.living().values("key", "description", "constraints").get(key=key)
    return msgspec.convert(row, SegmentDefinition)


def segments() -> dict[str, SegmentDefinition]:
    """Everything of all segments, by key."""
    rows = Segment.objects.living().values("key", "description", "constraints")
    return {row["key"]: msgspec.convert(row, SegmentDefinition) for row in rows}


def constraints_of(plain: Any) -> tuple[Constraint, ...]:
    return msgspec.convert(plain, tuple[Constraint, ...])


def parts() -> Mapping[str, ArraySubquery]:
    """What hangs on a flag, as a definition has it: of the flag that the outer query is at."""
    segments = Segment.objects.filter(rules=OuterRef("pk")).order_by("key").values("key")
    return {
        "variants": part(VariantRow, "position", columns(Variant)),
        "rules": part(RuleRow, "position", {**columns(Rule), "id": F("key"), "segments": ArraySubquery(segments)}),
        "overrides": part(OverrideRow, "subject", columns(Override)),
        "prerequisites": part(PrerequisiteRow, "required__key", {**columns(Prerequisite), "flag": F("required__key")}),
    }


def part(model: Any, order: str, fields: Mapping[str, Any]) -> ArraySubquery:
    rows = model.objects.filter(flag=OuterRef("pk")).order_by(order)
    return ArraySubquery(rows.values(json=JSONObject(**fields)))


def columns(struct: type[msgspec.Struct]) -> dict[str, F]:
    return {name: F(name) for name in struct.__struct_fields__}


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
