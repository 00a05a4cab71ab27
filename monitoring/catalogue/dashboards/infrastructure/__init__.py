"""What the site stands on, by utilisation, saturation and errors: machines, processes, stores, the edge, pods."""

from monitoring.catalogue.dashboards.infrastructure.machines import MACHINES, PROCESSES
from monitoring.catalogue.dashboards.infrastructure.stores import DATABASE, REDIS
from monitoring.catalogue.dashboards.infrastructure.surroundings import EDGE, PODS
from monitoring.catalogue.dashboards.panel import Board
from monitoring.catalogue.links import Dashboard

INFRASTRUCTURE = Board(
    uid=Dashboard.INFRASTRUCTURE,
    title="Infrastructure",
    text="What the site stands on, by utilisation, saturation and errors.",
    rows=(MACHINES, PROCESSES, DATABASE, REDIS, EDGE, PODS),
    jobs=".+",
    seeds=("PF2",),
)
