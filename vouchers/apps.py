from django.apps import AppConfig


class VouchersConfig(AppConfig):
    name = "vouchers"

    def ready(self) -> None:
        from vouchers import handlers  # noqa: F401  registers the reactions
