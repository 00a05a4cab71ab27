"""The screens of operators: a list to turn flags in, a page per flag, and what belongs to them."""

from flags.admin.flags import FlagAdmin
from flags.admin.grants import NamespaceGrantAdmin
from flags.admin.plans import PlannedChangeAdmin
from flags.admin.segments import SegmentAdmin

__all__ = ["FlagAdmin", "NamespaceGrantAdmin", "PlannedChangeAdmin", "SegmentAdmin"]
