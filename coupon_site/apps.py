from django.apps import AppConfig


class CouponSiteConfig(AppConfig):
    name = "coupon_site"
    verbose_name = "Site"
