"""The first look: is the shop open, do its customers get what they came for, and what fires."""

from monitoring.catalogue.dashboards.overview.shop import BUSINESS, MACHINES, REALTIME
from monitoring.catalogue.dashboards.overview.visitors import FIRST_LOOK, TRAFFIC
from monitoring.catalogue.dashboards.panel import Board
from monitoring.catalogue.links import Dashboard

OVERVIEW = Board(
    uid=Dashboard.OVERVIEW,
    title="Shop overview",
    text="The first look: is the shop open, do customers get what they came for, and what fires.",
    rows=(FIRST_LOOK, TRAFFIC, BUSINESS, REALTIME, MACHINES),
    since="now-6h",
    seeds=("PF2", "PF3"),
)
