from django.apps import AppConfig


class FlagsConfig(AppConfig):
    name = "flags"
    verbose_name = "Feature flags"

    def ready(self) -> None:
        from coupon_site.health import CHECKS
        from events import around
        from flags import checks  # noqa: F401  registers the system checks
        from flags.current import ask_flags
        from flags.pins import pinned_snapshot

        around(pinned_snapshot)
        CHECKS["flags"] = ask_flags
