"""What this app does by the clock, and when somebody's rights change."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from accounts.registry import watches_rights
from events import services
from events.control import announce_revocation
from events.registry import sweep


@sweep(every=timedelta(hours=1))
def remove_old_rows() -> int:
    """Retention of events and messages."""
    return services.remove_old_rows(at=timezone.now())


@watches_rights
def look_again_at_open_sockets(users: Sequence[UUID]) -> None:
    """What their users may no longer see ends at once."""
    announce_revocation(users=users)
