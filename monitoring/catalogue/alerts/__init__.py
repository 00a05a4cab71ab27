"""Every alert, by the file of rules that it is written to."""

from monitoring.catalogue.alerts.alert import Alert
from monitoring.catalogue.alerts.business import GIFTS, ORDERS
from monitoring.catalogue.alerts.http import HTTP
from monitoring.catalogue.alerts.kubernetes import KUBERNETES
from monitoring.catalogue.alerts.money import MONEY
from monitoring.catalogue.alerts.monitors import ALERTMANAGER, PROMETHEUS
from monitoring.catalogue.alerts.objectives import OBJECTIVES
from monitoring.catalogue.alerts.outbox import OUTBOX
from monitoring.catalogue.alerts.platform import BACKUPS, DATABASE, MACHINES, PROCESSES, REDIS
from monitoring.catalogue.alerts.realtime import REALTIME

__all__ = ["ALERTS", "ALERTS_BY_FILE", "Alert"]

ALERTS_BY_FILE: dict[str, tuple[Alert, ...]] = {
    "http": HTTP,
    "outbox": OUTBOX,
    "gifts": GIFTS,
    "orders": ORDERS,
    "money": MONEY,
    "realtime": REALTIME,
    "processes": PROCESSES,
    "stores": DATABASE + REDIS,
    "machines": MACHINES,
    "backups": BACKUPS,
    "kubernetes": KUBERNETES,
    "monitoring": PROMETHEUS + ALERTMANAGER,
    "slo": OBJECTIVES,
}
ALERTS = tuple(alert for alerts in ALERTS_BY_FILE.values() for alert in alerts)
