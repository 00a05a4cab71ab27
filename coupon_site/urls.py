"""Every address of the site."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

import cashback.urls
import flags.urls
import monitoring.urls
import payments.urls
import vouchers.urls

API_APPS = ("events", "flags", "payments", "orders", "vouchers", "cashback", "monitoring")

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path(
        "api/docs/", SpectacularSwaggerView.as_view(url_name="schema", http_method_names=["get", "head"]), name="docs"
    ),
    *(path("api/v1/", include(f"{app}.urls")) for app in API_APPS),
    *flags.urls.page_urlpatterns,
    *payments.urls.page_urlpatterns,
    *vouchers.urls.page_urlpatterns,
    *cashback.urls.page_urlpatterns,
    *monitoring.urls.page_urlpatterns,
    path("admin/", admin.site.urls),  # last: it answers for every path below it
]

handler400 = "coupon_site.api.problems.bad_request"
handler403 = "coupon_site.api.problems.forbidden"
handler404 = "coupon_site.api.problems.not_found"
handler500 = "coupon_site.api.problems.server_error"
