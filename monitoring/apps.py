from django.apps import AppConfig
from django.conf import settings


class MonitoringConfig(AppConfig):
    name = "monitoring"

    def ready(self) -> None:
        from django.contrib import admin
        from django_prometheus import migrations
        from prometheus_client import REGISTRY

        from coupon_site import cache, upstream  # noqa: F401  their series exist from the start
        from monitoring import faults, streams
        from monitoring.metrics import app_build_info

        app_build_info.labels(settings.SITE_VERSION, settings.SITE_COMMIT).set(1)
        streams.register()
        faults.declare()
        admin.site.index_template, admin.site.index_title = "monitoring/desk.html", "Desk"
        # The exporter serves these names, read afresh: nobody else may.
        for gauge in (migrations.applied_migrations, migrations.unapplied_migrations):
            REGISTRY.unregister(gauge)
