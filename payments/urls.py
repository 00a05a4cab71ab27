"""Addresses of payments. What a customer sees of them is below the order."""

from django.urls import URLPattern, URLResolver, path

from payments.api.bank import ChargesView, ChargeView, RefundsView, RefundView
from payments.api.hooks import SandboxWebhookView, StripeWebhookView

urlpatterns: list[URLPattern | URLResolver] = []

page_urlpatterns: list[URLPattern | URLResolver] = [
    path("stripe/webhook", StripeWebhookView.as_view(), name="stripe-webhook"),
    path("hooks/payments/sandbox", SandboxWebhookView.as_view(), name="sandbox-webhook"),
    path("sandbox/charges", ChargesView.as_view(), name="sandbox-charges"),
    path("sandbox/charges/<uuid:key>", ChargeView.as_view(), name="sandbox-charge"),
    path("sandbox/refunds", RefundsView.as_view(), name="sandbox-refunds"),
    path("sandbox/refunds/<uuid:key>", RefundView.as_view(), name="sandbox-refund"),
]
