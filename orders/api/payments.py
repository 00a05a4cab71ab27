"""Payments of an order, as its buyer sees them."""

from rest_framework import serializers

from coupon_site.api import StrictSerializer
from payments.models import Payment
from payments.providers import current_provider


def check_method(method: str) -> None:
    """Only what the provider offers."""
    provider = current_provider()
    if not provider.accepts(method):
        raise serializers.ValidationError(f"Choose one of {', '.join(provider.methods)}.", code="unknown_method")


class PaymentIn(StrictSerializer):
    method = serializers.CharField(max_length=30, default="card", validators=[check_method])


class OrderPaymentOut(serializers.ModelSerializer[Payment]):
    id = serializers.UUIDField(source="public_id")

    class Meta:
        model = Payment
        fields = [
            "id", "provider", "method", "state", "amount_minor", "currency", "captured_minor", "refunded_minor",
            "failure_code", "created_at",
        ]  # fmt: skip
