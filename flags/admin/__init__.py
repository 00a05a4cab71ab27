"""The screens of operators: a list to turn flags in, and a page per flag with its history."""

from flags.admin.flags import FlagAdmin
from flags.admin.history import FlagChangeInline

__all__ = ["FlagAdmin", "FlagChangeInline"]
