"""What flags that are written stand beside."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property

from flags.choices import FlagType
from flags.definition import OFF, ON, Definition
from flags.models import Flag, Prerequisite, Segment, Variant
from flags.services.edits import Edit


class Surroundings:
    """Each part is read when somebody asks for it: turning a flag on or off asks for none."""

    def __init__(self, edits: Sequence[Edit]) -> None:
        self.edits = {edit.after.key: edit.after for edit in edits}

    @cached_property
    def segments(self) -> set[str]:
        return set(Segment.objects.living().values_list("key", flat=True))

    @cached_property
    def required(self) -> Mapping[str, Mapping[str, Sequence[str]]]:
        """Flag → the flags that it needs → the variants that it needs of them, once all is written."""
        needs: dict[str, dict[str, Sequence[str]]] = defaultdict(dict)
        for flag, required, variants in Prerequisite.objects.values_list("flag__key", "required__key", "variants"):
            needs[flag][required] = variants
        for key, definition in self.edits.items():
            needs[key] = {each.flag: each.variants for each in definition.prerequisites}
        return dict(needs)

    @cached_property
    def types(self) -> dict[str, str]:
        """Flag → its type: tells also which there are."""
        return dict(Flag.objects.values_list("key", "type")) | {key: each.type for key, each in self.edits.items()}

    @cached_property
    def variants(self) -> Mapping[str, set[str]]:
        """Flag → its variants, where it is not boolean."""
        found: dict[str, set[str]] = defaultdict(set)
        for flag, variant in Variant.objects.exclude(flag__key__in=self.edits).values_list("flag__key", "key"):
            found[flag].add(variant)
        return {**found, **{key: variants_of(each) for key, each in self.edits.items()}}

    def variants_of(self, key: str) -> set[str]:
        return {ON, OFF} if self.types[key] == FlagType.BOOLEAN else set(self.variants.get(key, ()))


def variants_of(definition: Definition) -> set[str]:
    return {ON, OFF} if definition.type == FlagType.BOOLEAN else {each.key for each in definition.variants}
