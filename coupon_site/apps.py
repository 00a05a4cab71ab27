from django.apps import AppConfig


class CouponSiteConfig(AppConfig):
    name = "coupon_site"
    verbose_name = "Site"

    def ready(self) -> None:
        from coupon_site import checks  # noqa: F401  registers the system checks
