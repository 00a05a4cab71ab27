"""Tills, and what they did with vouchers."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q

from coupon_site.identifiers import uuid7
from orders.models import Merchant
from vouchers.answers import ScanResult
from vouchers.models.voucher import Voucher


class ScannerDevice(models.Model):
    """A till of a merchant. Its key is shown once; only the hash is kept."""

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="devices")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=8, editable=False, help_text="The key's first characters")
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return f"{self.name} of {self.merchant}"

    @property
    def is_revoked(self) -> bool:
        return self.revoked_at is not None


class Redemption(models.Model):
    """One use of a voucher at a till, or, when `voids` is set, its taking back."""

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    voucher = models.ForeignKey(Voucher, on_delete=models.PROTECT, related_name="redemptions")
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="+", db_index=False)
    device = models.ForeignKey(ScannerDevice, on_delete=models.PROTECT, related_name="redemptions", db_index=False)
    nonce = models.CharField(max_length=80, help_text="The till's own name for this attempt")
    voids = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="voided_by")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="vouchers_redemption_nonce", fields=["device", "nonce"]),
            models.CheckConstraint(name="vouchers_redemption_voids_another", condition=~Q(voids=F("id"))),
        ]

    def __str__(self) -> str:
        return f"{'void' if self.voids_id else 'use'} at {self.device}"

    @property
    def void_until(self) -> datetime | None:
        """How long it may be taken back; a void never."""
        if self.voids_id:
            return None
        return self.created_at + timedelta(seconds=self.voucher.offer.void_window_seconds)


class RefusedScan(models.Model):
    """The answer to an attempt that was refused: the same nonce gets it again, even when the voucher has changed."""

    device = models.ForeignKey(ScannerDevice, on_delete=models.CASCADE, related_name="refusals", db_index=False)
    nonce = models.CharField(max_length=80)
    voucher = models.ForeignKey(Voucher, null=True, on_delete=models.CASCADE, related_name="refusals")
    result = models.CharField(max_length=20, choices=ScanResult)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="vouchers_refusedscan_nonce", fields=["device", "nonce"]),
            models.CheckConstraint(name="vouchers_refusedscan_result_known", condition=Q(result__in=ScanResult.values)),
        ]
        indexes = [
            # Old answers are removed by age.
            models.Index(name="vouchers_refusedscan_age_idx", fields=["created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.result} for {self.nonce}"
