"""What hangs on a flag in tables of its own: replaced as a whole, a few statements for any number of flags."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet

from flags.definition import Definition, Override, Prerequisite, Rule, Variant
from flags.models import Flag, Segment
from flags.models import Override as OverrideRow
from flags.models import Prerequisite as PrerequisiteRow
from flags.models import Rule as RuleRow
from flags.models import Variant as VariantRow
from flags.services.edits import Edit

PARTS = {"variants", "rules", "overrides", "prerequisites"}
RuleSegment = RuleRow.segments.through


def column_values(definition: Definition, names: Collection[str]) -> dict[str, Any]:
    """Those of the named fields that are columns of the flag, as the table has them."""
    return {name: column_value(getattr(definition, name)) for name in names if name not in PARTS}


def column_value(value: Any) -> Any:
    """Lists of texts and of structs alike; a moment stays one."""
    return msgspec.to_builtins(list(value)) if isinstance(value, tuple) else value


def save_parts(edits: Sequence[Edit]) -> None:
    """Bring the tables to what the edits changed; nothing is asked of those that stay."""
    if flags := changed(edits, "variants"):
        replace(VariantRow.objects, flags, [row for edit in flags for row in variants_of(edit)])
    if flags := changed(edits, "rules"):
        replace_rules(flags)
    if flags := changed(edits, "overrides"):
        replace(
            OverrideRow.objects,
            flags,
            [override_of(edit.flag, each) for edit in flags for each in edit.after.overrides],
        )
    if flags := changed(edits, "prerequisites"):
        replace_prerequisites(flags)


def changed(edits: Sequence[Edit], part: str) -> list[Edit]:
    return [edit for edit in edits if part in edit.changed and (edit.before or getattr(edit.after, part))]


def replace(table: Any, edits: Sequence[Edit], rows: Sequence[Any]) -> None:
    """Other rows of these flags."""
    remove(table.filter(flag__in=[edit.flag.pk for edit in edits]))
    if rows:
        table.bulk_create(rows)


def remove(rows: QuerySet[Any]) -> None:
    """One DELETE; Django's own would read the rows first, to look for what hangs on them."""
    rows._raw_delete(DEFAULT_DB_ALIAS)


def variants_of(edit: Edit) -> Iterable[VariantRow]:
    return (variant_of(edit.flag, place, each) for place, each in enumerate(edit.after.variants))


def variant_of(flag: Flag, place: int, variant: Variant) -> VariantRow:
    return VariantRow(flag=flag, position=place, **msgspec.structs.asdict(variant))


def override_of(flag: Flag, override: Override) -> OverrideRow:
    return OverrideRow(flag=flag, **msgspec.structs.asdict(override))


def replace_rules(edits: Sequence[Edit]) -> None:
    remove(RuleSegment.objects.filter(rule__flag__in=[edit.flag.pk for edit in edits]))
    pairs = [(rule_of(edit.flag, place, each), each) for edit in edits for place, each in enumerate(edit.after.rules)]
    replace(RuleRow.objects, edits, [row for row, _ in pairs])
    if names := {segment for _, rule in pairs for segment in rule.segments}:
        ids = dict(Segment.objects.filter(key__in=names).values_list("key", "pk"))
        links = [RuleSegment(rule_id=row.pk, segment_id=ids[name]) for row, rule in pairs for name in rule.segments]
        RuleSegment.objects.bulk_create(links)


def rule_of(flag: Flag, place: int, rule: Rule) -> RuleRow:
    fields = msgspec.structs.asdict(rule)
    del fields["segments"]
    return RuleRow(
        flag=flag,
        position=place,
        key=fields.pop("id"),
        constraints=msgspec.to_builtins(fields.pop("constraints")),
        split=msgspec.to_builtins(fields.pop("split")),
        **fields,
    )


def replace_prerequisites(edits: Sequence[Edit]) -> None:
    names = {each.flag for edit in edits for each in edit.after.prerequisites}
    ids = dict(Flag.objects.filter(key__in=names).values_list("key", "pk")) if names else {}
    rows = [prerequisite_of(edit.flag, ids[each.flag], each) for edit in edits for each in edit.after.prerequisites]
    replace(PrerequisiteRow.objects, edits, rows)


def prerequisite_of(flag: Flag, required: int, prerequisite: Prerequisite) -> PrerequisiteRow:
    return PrerequisiteRow(flag=flag, required_id=required, on=prerequisite.on, variants=list(prerequisite.variants))
