from django.apps import AppConfig


class FlagsConfig(AppConfig):
    name = "flags"
    verbose_name = "Feature flags"

    def ready(self) -> None:
        from events import around
        from flags import checks  # noqa: F401  registers the system checks
        from flags.evaluation import pinned_snapshot

        around(pinned_snapshot)
