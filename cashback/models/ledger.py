"""The wallet's ledger: accounts, and transfers between two of them."""

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from coupon_site.identifiers import uuid7
from coupon_site.money import format_money

if TYPE_CHECKING:
    from accounts.models import User


class AccountKind(models.TextChoices):
    PENDING = "pending", "Pending"
    AVAILABLE = "available", "Available"
    ACCRUAL = "accrual", "Cashback accrued"
    PAYOUT_CLEARING = "payout_clearing", "Payouts on their way"
    PAID_OUT = "paid_out", "Paid out"
    ADJUSTMENT = "adjustment", "Adjustments by finance"


USER_KINDS = (AccountKind.PENDING, AccountKind.AVAILABLE)
PLATFORM_KINDS = (AccountKind.ACCRUAL, AccountKind.PAYOUT_CLEARING, AccountKind.PAID_OUT, AccountKind.ADJUSTMENT)


class Account(models.Model):
    """One side of transfers. A user's carries its balance; the platform's are hot, so theirs is summed when asked."""

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="accounts",
        db_index=False,
    )
    kind = models.CharField(max_length=20, choices=AccountKind)
    currency = models.CharField(max_length=3)
    balance_minor = models.BigIntegerField(null=True, blank=True, help_text="Users only")
    floor_minor = models.BigIntegerField(default=0, help_text="How deep a reversal may take it")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="cashback_account_key", fields=["owner", "kind", "currency"], nulls_distinct=False
            ),
            models.CheckConstraint(name="cashback_account_floor", condition=Q(balance_minor__gte=F("floor_minor"))),
            models.CheckConstraint(
                name="cashback_account_sides",
                condition=Q(owner__isnull=False, balance_minor__isnull=False, kind__in=USER_KINDS)
                | Q(owner__isnull=True, balance_minor__isnull=True, kind__in=PLATFORM_KINDS),
            ),
            models.CheckConstraint(name="cashback_account_currency", condition=Q(currency__regex=r"^[A-Z]{3}$")),
        ]

    def __str__(self) -> str:
        return f"{self.owner or 'platform'}: {self.get_kind_display().lower()}, {self.currency}"

    @property
    def is_platform(self) -> bool:
        return self.owner_id is None


class TransferKind(models.TextChoices):
    """What a transfer's reason begins with."""

    ACCRUAL = "accrual", "Cashback noted"
    AMENDMENT = "amendment", "Purchase amended"
    CLAWBACK = "clawback", "Purchase cancelled in part"
    DECLINE = "decline", "Declined"
    RELEASE = "release", "Ready to spend"
    REVERSAL = "reversal", "Taken back"
    PAYOUT = "payout", "Set aside to be paid out"
    SETTLEMENT = "settlement", "Paid out"
    RETURN = "return", "Payout returned"
    ADJUSTMENT = "adjustment", "Adjusted by finance"


class TransferQuerySet(models.QuerySet["Transfer"]):
    def of_owner(self, user: "User") -> Self:
        """What touched a user's wallet, the latest first."""
        mine = Account.objects.filter(owner=user).values("pk")
        return self.filter(Q(debit__in=mine) | Q(credit__in=mine)).order_by("-id")


class Transfer(models.Model):
    """One movement of money from `debit` to `credit`. Written once: a trigger refuses UPDATE and DELETE."""

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    debit = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="debits")
    credit = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="credits")
    amount_minor = models.BigIntegerField()
    source_type = models.CharField(max_length=40, help_text="What caused it")
    source_id = models.UUIDField(help_text="Public id of what caused it")
    reason = models.CharField(max_length=40, help_text="Its kind, numbered where the same source may cause several")
    reverses = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversed_by")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TransferQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="cashback_transfer_amount_positive", condition=Q(amount_minor__gt=0)),
            models.CheckConstraint(name="cashback_transfer_two_sides", condition=~Q(debit=F("credit"))),
            models.UniqueConstraint(name="cashback_transfer_once", fields=["source_type", "source_id", "reason"]),
        ]
        indexes = [
            # All entries of one source, as the reconciliation joins them.
            models.Index(name="cashback_transfer_source_idx", fields=["source_id"]),
        ]

    def __str__(self) -> str:
        return f"{self.reason}: {format_money(self.amount_minor, self.debit.currency)}"

    @property
    def kind(self) -> str:
        return self.reason.partition(".")[0]
