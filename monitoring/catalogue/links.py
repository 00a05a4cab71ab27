"""Where people read on: the one place that knows the addresses of the documents and of Grafana."""

from enum import StrEnum

SITE_DOCS = "https://docs.shop.example"
GRAFANA = "https://grafana.shop.example"


class Dashboard(StrEnum):
    """Dashboards by their uid, which never changes."""

    OVERVIEW = "shop-overview"
    FLASH_SALE = "shop-flash-sale"
    GIFTS_OUTBOX = "shop-gifts-outbox"
    HTTP = "shop-http"
    PAYMENTS_WALLET = "shop-payments-wallet"
    REALTIME_IMPORTS = "shop-realtime-imports"
    INFRASTRUCTURE = "shop-infrastructure"
    SLO = "shop-slo"


def runbook_url(alert: str) -> str:
    """The runbook of an alert by its name."""
    return f"{SITE_DOCS}/runbooks/{alert}/"


def dashboard_url(dashboard: Dashboard) -> str:
    """A dashboard in Grafana."""
    return f"{GRAFANA}/d/{dashboard}"
