"""Tables of flags."""

from flags.models.flag import VARIANT_MAX_LENGTH, Flag, FlagQuerySet, FlagSet
from flags.models.history import FlagChange
from flags.models.plans import Approval, NamespaceGrant, PlannedChange
from flags.models.targeting import Override, Prerequisite, Rule, Segment, Variant
from flags.models.usage import CodeReference, FlagUsage

__all__ = [
    "VARIANT_MAX_LENGTH",
    "Approval",
    "CodeReference",
    "Flag",
    "FlagChange",
    "FlagQuerySet",
    "FlagSet",
    "FlagUsage",
    "NamespaceGrant",
    "Override",
    "PlannedChange",
    "Prerequisite",
    "Rule",
    "Segment",
    "Variant",
]
