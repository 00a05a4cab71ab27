"""What is written about the site's last hour, its alerts and its deployments."""

from monitoring.services.alerts import AlertReport, close_silent_alerts, receive_alerts
from monitoring.services.annotations import annotate
from monitoring.services.deployments import record_deployment
from monitoring.services.hour import clear_window, record_slot

__all__ = [
    "AlertReport",
    "annotate",
    "clear_window",
    "close_silent_alerts",
    "receive_alerts",
    "record_deployment",
    "record_slot",
]
