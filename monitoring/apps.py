from django.apps import AppConfig, apps
from django.conf import settings

# What the business is about; its rows are counted as they are written.
COUNTED = (
    "accounts.User",
    "cashback.CashbackEvent",
    "cashback.Conversion",
    "cashback.ImportJob",
    "cashback.Payout",
    "flags.Flag",
    "orders.FlashSale",
    "orders.Offer",
    "orders.Order",
    "payments.Payment",
    "payments.Refund",
    "vouchers.Gift",
    "vouchers.Redemption",
    "vouchers.Voucher",
)


class MonitoringConfig(AppConfig):
    name = "monitoring"

    def ready(self) -> None:
        from django.contrib import admin
        from django_prometheus import migrations
        from prometheus_client import REGISTRY

        from coupon_site import cache, upstream  # noqa: F401  their series exist from the start
        from coupon_site.database.base import count_rows_of
        from monitoring import faults, streams
        from monitoring.metrics import app_build_info

        app_build_info.labels(settings.SITE_VERSION, settings.SITE_COMMIT).set(1)
        count_rows_of(*(apps.get_model(name) for name in COUNTED))
        streams.register()
        faults.declare()
        admin.site.index_template, admin.site.index_title = "monitoring/desk.html", "Desk"
        # The exporter serves these names, read afresh: nobody else may.
        for gauge in (migrations.applied_migrations, migrations.unapplied_migrations):
            REGISTRY.unregister(gauge)
