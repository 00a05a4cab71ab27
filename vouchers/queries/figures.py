"""Figures for monitoring."""

from django.utils import timezone

from vouchers.models import Voucher, VoucherState


def tickets_active_total() -> int:
    """Vouchers that can be used now or later."""
    return Voucher.objects.filter(state=VoucherState.ACTIVE, expires_at__gt=timezone.now()).count()
