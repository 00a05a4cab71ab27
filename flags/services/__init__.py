"""Every write of flags: their changes, and what carries them to the processes."""

from flags.services.changes import archive_flag, create_flag, restore_flag, set_flag, sync_declared, update_flag
from flags.services.propagation import publish_flags, reconcile

__all__ = [
    "archive_flag",
    "create_flag",
    "publish_flags",
    "reconcile",
    "restore_flag",
    "set_flag",
    "sync_declared",
    "update_flag",
]
