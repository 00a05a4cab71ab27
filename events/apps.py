from django.apps import AppConfig
from django.conf import settings
from django.utils.module_loading import autodiscover_modules


class EventsConfig(AppConfig):
    name = "events"

    def ready(self) -> None:
        from events import metrics

        # Workers find handlers and the relay finds event types by what the apps declare in these two modules.
        autodiscover_modules("events", "handlers")
        metrics.start_at_zero(channels=settings.REALTIME_CHANNELS)
