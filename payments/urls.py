"""Addresses of payments: the API below `/api/v1/`, and where providers come in."""

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from payments.api import bank
from payments.api.hooks import SandboxWebhookView, StripeWebhookView
from payments.api.payments import PaymentViewSet

router = SimpleRouter()
router.trailing_slash = "/?"
router.register("payments", PaymentViewSet, basename="payment")

urlpatterns: list[URLPattern | URLResolver] = [*router.urls]

page_urlpatterns: list[URLPattern | URLResolver] = [
    path("stripe/webhook", StripeWebhookView.as_view(), name="stripe-webhook"),
    path("hooks/payments/sandbox", SandboxWebhookView.as_view(), name="sandbox-webhook"),
    path("sandbox/charges", bank.ChargesView.as_view(), name="sandbox-charges"),
    path("sandbox/charges/<uuid:key>", bank.ChargeView.as_view(), name="sandbox-charge"),
    path("sandbox/charges/<uuid:key>/capture", bank.CaptureView.as_view(), name="sandbox-capture"),
    path("sandbox/charges/<uuid:key>/void", bank.VoidView.as_view(), name="sandbox-void"),
    path("sandbox/refunds", bank.RefundsView.as_view(), name="sandbox-refunds"),
    path("sandbox/refunds/<uuid:key>", bank.RefundView.as_view(), name="sandbox-refund"),
    path("sandbox/disputes", bank.DisputesView.as_view(), name="sandbox-disputes"),
    path("sandbox/disputes/sbx_dp_<uuid:key>", bank.DisputeView.as_view(), name="sandbox-dispute"),
]
