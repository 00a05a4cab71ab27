"""REST: whether the books agree, and which alerts fire."""

from monitoring.api.alerts import AlertViewSet, NotificationView
from monitoring.api.reconciliation import ReconciliationView

__all__ = ["AlertViewSet", "NotificationView", "ReconciliationView"]
