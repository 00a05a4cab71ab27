from django.apps import AppConfig
from django.conf import settings


class MonitoringConfig(AppConfig):
    name = "monitoring"

    def ready(self) -> None:
        from monitoring import streams  # noqa: PLC0415  reads models, which exist only now
        from monitoring.metrics import app_build_info  # noqa: PLC0415  beside the other apps' series

        app_build_info.labels(settings.SITE_VERSION, settings.SITE_COMMIT).set(1)
        streams.register()
