from django.apps import AppConfig


class CashbackConfig(AppConfig):
    name = "cashback"

    def ready(self) -> None:
        from cashback import checks, handlers  # noqa: F401  registers checks, reactions and sweeps
