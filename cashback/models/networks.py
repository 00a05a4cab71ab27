"""Networks that report purchases, how their files are read, and who their customers are here."""

import re
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from coupon_site.identifiers import uuid7
from orders.models.catalogue import validate_timezone

# What a line must say, and how it says what it is worth: how many at which price, or an amount.
REQUIRED_COLUMNS = ("external_id", "occurred_at", "buyer")
WORTH_COLUMNS = (("quantity", "unit_price"), ("amount",))
OPTIONAL_COLUMNS = ("item", "part", "time", "currency", "status", "version")
COLUMNS = (*REQUIRED_COLUMNS, "quantity", "unit_price", "amount", *OPTIONAL_COLUMNS)

# What a profile says about files: an import keeps it for itself.
MAPPING_FIELDS = (
    "columns", "delimiter", "quote", "decimal_mark", "date_format", "timezone", "encoding", "currency", "signs",
    "cancellation_prefix", "statuses", "replaces", "creates_buyers",
)  # fmt: skip


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
    if not any(set(fields) <= columns.keys() for fields in WORTH_COLUMNS):
        raise ValidationError("No column for what a line is worth: its amount, or quantity and unit_price.")
    if unknown := [field for field in columns if field not in COLUMNS]:
        raise ValidationError(f"{', '.join(unknown)}: no line has such a field.")


class StatusMeaning(models.TextChoices):
    PENDING = "pending", "Pending: counts"
    APPROVED = "approved", "Approved: counts"
    DECLINED = "declined", "Declined: is worth nothing"


def validate_statuses(statuses: object) -> None:
    """The network's words in small letters, each with what it means."""
    if not isinstance(statuses, dict) or not all(
        isinstance(word, str) and word == word.lower().strip() and meaning in StatusMeaning.values
        for word, meaning in statuses.items()
    ):
        raise ValidationError(f"Map each word, in small letters, to one of {', '.join(StatusMeaning.values)}.")


def validate_date_format(form: str) -> None:
    """Refuse what no date can be read by."""
    try:
        datetime.strptime(datetime(2010, 12, 31, tzinfo=UTC).strftime(form), form)  # noqa: DTZ007  a try
    except (ValueError, re.error) as error:
        raise ValidationError(f"No form of dates: {form}.") from error
    if not all(any(part in form for part in parts) for parts in (("%Y", "%y"), ("%m", "%b", "%B"), ("%d",))):
        raise ValidationError("A date has a day, a month and a year.")


DELIMITERS = [(",", "Comma"), (";", "Semicolon"), ("\t", "Tab"), ("|", "Bar")]
ENCODINGS = [
    ("utf-8-sig", "UTF-8"),
    ("cp1252", "Latin (cp1252)"),
    ("latin-1", "Latin-1"),
    ("utf-16-le", "UTF-16, little end first"),
    ("utf-16-be", "UTF-16, big end first"),
]


class SignConvention(models.TextChoices):
    PREFIX = "prefix", "Cancellations have an invoice prefix and negative quantities"
    NEGATIVE = "negative", "Cancellations are negative quantities"


class MappingProfile(models.Model):
    """The dialect of a network's files."""

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="profiles")
    name = models.CharField(max_length=80)
    columns = models.JSONField(validators=[validate_columns], help_text="Field → column name in the file")
    delimiter = models.CharField(max_length=1, default=",", choices=DELIMITERS)
    quote = models.CharField(
        max_length=1, default='"', blank=True, choices=[('"', 'Double: "…"'), ("'", "Single: '…'"), ("", "None")]
    )
    decimal_mark = models.CharField(max_length=1, default=".", choices=[(".", "1234.50"), (",", "1234,50")])
    date_format = models.CharField(max_length=40, default="%Y-%m-%d %H:%M:%S", validators=[validate_date_format])
    timezone = models.CharField(
        max_length=60, default="UTC", validators=[validate_timezone], help_text="Zone of its times"
    )
    encoding = models.CharField(max_length=20, default="utf-8-sig", choices=ENCODINGS)
    currency = models.CharField(
        max_length=3, validators=[RegexValidator("^[A-Z]{3}$")], help_text="Of files without a column for it"
    )
    signs = models.CharField(max_length=10, choices=SignConvention, default=SignConvention.PREFIX)
    cancellation_prefix = models.CharField(max_length=5, blank=True, default="C")
    statuses = models.JSONField(
        default=dict, blank=True, validators=[validate_statuses], help_text="The network's word → its meaning"
    )
    replaces = models.BooleanField(
        default=False,
        help_text="A transaction that comes again, with another amount or state, replaces what was known of it",
    )
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

    def clean(self) -> None:
        """What no single field can tell."""
        if self.signs == SignConvention.PREFIX and not self.cancellation_prefix:
            raise ValidationError({"cancellation_prefix": "Which prefix do cancellations have?"})
        if "status" in (self.columns or {}) and not self.replaces:
            raise ValidationError({"replaces": "States change: a transaction that comes again must replace itself."})
        if "status" in (self.columns or {}) and not self.statuses:
            raise ValidationError({"statuses": "What do the network's states mean?"})

    @property
    def mapping(self) -> dict[str, Any]:
        """What it says, as an import keeps it."""
        return {name: getattr(self, name) for name in MAPPING_FIELDS}


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
