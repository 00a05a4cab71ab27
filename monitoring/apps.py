from django.apps import AppConfig
from django.conf import settings


class MonitoringConfig(AppConfig):
    name = "monitoring"

    def ready(self) -> None:
        from monitoring import streams
        from monitoring.metrics import app_build_info

        app_build_info.labels(settings.SITE_VERSION, settings.SITE_COMMIT).set(1)
        streams.register()
