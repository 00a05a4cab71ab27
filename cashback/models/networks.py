"""Networks that report purchases, how their files are read, and who their customers are here."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from coupon_site.identifiers import uuid7
from orders.models.catalogue import validate_timezone

# What a line can say; the first five it must.
REQUIRED_COLUMNS = ("external_id", "quantity", "unit_price", "occurred_at", "buyer")
OPTIONAL_COLUMNS = ("item", "part")


class Network(models.Model):
    """A source of conversions, and what its purchases give back."""

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    cashback_basis_points = models.PositiveIntegerField(default=0, help_text="Cashback on a purchase; 250 is 2.5 %")
    hold_days = models.PositiveIntegerField(
        default=30, help_text="Days from a purchase until its cashback can be spent"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="cashback_network_share", condition=Q(cashback_basis_points__lte=10_000)),
        ]

    def __str__(self) -> str:
        return self.name


def validate_columns(columns: object) -> None:
    """Refuse a mapping that leaves out what every line must say."""
    if not isinstance(columns, dict) or not all(isinstance(name, str) and name for name in columns.values()):
        raise ValidationError("Map each field to the name of a column.")
    if missing := [field for field in REQUIRED_COLUMNS if field not in columns]:
        raise ValidationError(f"No column for {', '.join(missing)}.")
    if unknown := [field for field in columns if field not in REQUIRED_COLUMNS + OPTIONAL_COLUMNS]:
        raise ValidationError(f"{', '.join(unknown)}: no line has such a field.")


class SignConvention(models.TextChoices):
    PREFIX = "prefix", "Cancellations have an invoice prefix and negative quantities"
    NEGATIVE = "negative", "Cancellations are negative quantities"


class MappingProfile(models.Model):
    """The dialect of a network's files."""

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="profiles")
    name = models.CharField(max_length=80)
    columns = models.JSONField(validators=[validate_columns], help_text="Field → column name in the file")
    delimiter = models.CharField(max_length=1, default=",")
    decimal_mark = models.CharField(max_length=1, default=".", choices=[(".", "1234.50"), (",", "1234,50")])
    date_format = models.CharField(max_length=40, default="%Y-%m-%d %H:%M:%S")
    timezone = models.CharField(
        max_length=60, default="UTC", validators=[validate_timezone], help_text="Zone of its times"
    )
    encoding = models.CharField(
        max_length=20, default="utf-8-sig", choices=[("utf-8-sig", "UTF-8"), ("cp1252", "Latin (cp1252)")]
    )
    currency = models.CharField(max_length=3)
    signs = models.CharField(max_length=10, choices=SignConvention, default=SignConvention.PREFIX)
    cancellation_prefix = models.CharField(max_length=5, blank=True, default="C")
    creates_buyers = models.BooleanField(
        default=False, help_text="Unknown customers get an account that nobody can sign in to"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(name="cashback_mappingprofile_name", fields=["network", "name"]),
            models.CheckConstraint(name="cashback_mappingprofile_currency", condition=Q(currency__regex=r"^[A-Z]{3}$")),
            models.CheckConstraint(name="cashback_mappingprofile_signs", condition=Q(signs__in=SignConvention.values)),
            models.CheckConstraint(
                name="cashback_mappingprofile_prefix", condition=~Q(signs="prefix", cancellation_prefix="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.network}: {self.name}"


class BuyerReference(models.Model):
    """A network's own number of one of our users."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="buyers", db_index=False)
    external_id = models.CharField(max_length=64)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="buyer_references")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="cashback_buyerreference_key", fields=["network", "external_id"]),
        ]

    def __str__(self) -> str:
        return f"{self.external_id} at {self.network}"
