from django.apps import AppConfig


class CashbackConfig(AppConfig):
    name = "cashback"

    def ready(self) -> None:
        from cashback import handlers  # noqa: F401  registers the reactions
