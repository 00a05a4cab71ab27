"""What the leading worker does for monitoring by the clock."""

from datetime import timedelta

from django.utils import timezone

from events import sweep
from monitoring import services
from monitoring.window import SLOT_SECONDS


@sweep(every=timedelta(seconds=SLOT_SECONDS))
def measure() -> int:
    """The next slot of the last hour's window."""
    return services.record_slot(at=timezone.now())
