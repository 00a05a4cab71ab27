"""Every series that the site shows, and those of others that rules and panels ask for."""

from monitoring.catalogue.series import events, others, shop, site
from monitoring.catalogue.series.series import Series

__all__ = ["SAMPLES", "SECTIONS", "SERIES", "Series"]

SECTIONS: dict[str, tuple[Series, ...]] = {
    "HTTP": site.HTTP,
    "Calls to others": site.OTHERS,
    "Orders and flash sales": shop.ORDERS,
    "Payments": shop.PAYMENTS,
    "Vouchers and gifts": shop.VOUCHERS,
    "Cashback and wallets": shop.CASHBACK,
    "Imports": shop.IMPORTS,
    "Outbox": events.OUTBOX,
    "Tasks and queues": events.TASKS,
    "Webhooks out": events.WEBHOOKS,
    "Sockets and event streams": events.SOCKETS,
    "State exporter": events.STATE_EXPORTER,
    "Feature flags": site.FLAGS,
    "Django": site.DJANGO,
    "Processes": site.PROCESS,
    "Scrapes and alerts": others.SCRAPES,
    "Machines and backups": others.MACHINES,
    "PostgreSQL and Redis": others.STORES,
    "nginx and probes": others.EDGE,
    "Kubernetes": others.KUBERNETES,
    "Prometheus and Alertmanager": others.MONITORS,
}
SERIES = {series.name: series for section in SECTIONS.values() for series in section}
# What a query may ask for, and the series that it belongs to.
SAMPLES = {sample: series for series in SERIES.values() for sample in series.samples}
