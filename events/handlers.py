"""What this app does by the clock."""

from datetime import timedelta

from django.utils import timezone

from events import services
from events.registry import sweep


@sweep(every=timedelta(hours=1))
def remove_old_rows() -> int:
    """Retention of events and messages."""
    return services.remove_old_rows(at=timezone.now())
