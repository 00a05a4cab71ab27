from django.apps import AppConfig


class CashbackConfig(AppConfig):
    name = "cashback"

    def ready(self) -> None:
        from cashback import checks, handlers  # noqa: F401  registers checks, reactions and sweeps
        from cashback.queries import rate_now
        from orders.queries import replace_rate

        replace_rate(rate_now)
