"""Promises to customers, and whether the monitoring that watches over them is well itself."""

from monitoring.catalogue.dashboards.panel import Board
from monitoring.catalogue.dashboards.slo.health import ALERTS, COLLECTION
from monitoring.catalogue.dashboards.slo.objectives import BACKUPS, PROMISES
from monitoring.catalogue.links import Dashboard

SLO = Board(
    uid=Dashboard.SLO,
    title="Objectives and monitoring health",
    text="Promises to customers, and whether the monitoring that watches over them is well itself.",
    rows=(PROMISES, ALERTS, COLLECTION, BACKUPS),
    since="now-6h",
    jobs=".+",
)
