"""The dashboards, as data; `files` says what Grafana reads."""

from monitoring.catalogue.dashboards.flash_sale import FLASH_SALE
from monitoring.catalogue.dashboards.gifts_outbox import GIFTS_OUTBOX
from monitoring.catalogue.dashboards.http import HTTP
from monitoring.catalogue.dashboards.infrastructure import INFRASTRUCTURE
from monitoring.catalogue.dashboards.overview import OVERVIEW
from monitoring.catalogue.dashboards.panel import Board, Panel, Query, Row
from monitoring.catalogue.dashboards.payments_wallet import PAYMENTS_WALLET
from monitoring.catalogue.dashboards.realtime_imports import REALTIME_IMPORTS
from monitoring.catalogue.dashboards.slo import SLO

__all__ = ["BOARDS", "FOLDER", "Board", "Panel", "Query", "Row", "files"]

FOLDER = "deploy/grafana/dashboards"

BOARDS: tuple[Board, ...] = (
    OVERVIEW,
    FLASH_SALE,
    GIFTS_OUTBOX,
    HTTP,
    PAYMENTS_WALLET,
    REALTIME_IMPORTS,
    INFRASTRUCTURE,
    SLO,
)


def files() -> dict[str, str]:
    """Path below the repository → content."""
    # Only who writes the files needs Grafana's package; alerts and boards are read without it.
    from monitoring.catalogue.dashboards.grafana import render

    return {f"{FOLDER}/{board.uid}.json": render(board) for board in BOARDS}
