"""Every write of flags: their changes, and what carries them to the processes."""

from flags.services.approvals import approve_plan
from flags.services.changes import (
    archive_flag,
    change_flag,
    create_flag,
    guard_flags,
    restore_flag,
    revert_flag,
    revert_patch,
    set_flag,
    sync_declared,
    turn_off_many,
    update_flag,
)
from flags.services.imports import Imported, import_definitions
from flags.services.plans import cancel_plan, change_or_plan, plan_change, plan_ramp
from flags.services.propagation import publish_flags, reconcile
from flags.services.references import record_references
from flags.services.schedule import run_planned_changes
from flags.services.segments import remove_segment, write_segment
from flags.services.usage import collect_usage, forget_usage

__all__ = [
    "Imported",
    "approve_plan",
    "archive_flag",
    "cancel_plan",
    "change_flag",
    "change_or_plan",
    "collect_usage",
    "create_flag",
    "forget_usage",
    "guard_flags",
    "import_definitions",
    "plan_change",
    "plan_ramp",
    "publish_flags",
    "reconcile",
    "record_references",
    "remove_segment",
    "restore_flag",
    "revert_flag",
    "revert_patch",
    "run_planned_changes",
    "set_flag",
    "sync_declared",
    "turn_off_many",
    "update_flag",
    "write_segment",
]
