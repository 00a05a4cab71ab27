"""Flags, and the version of all of them."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from flags.choices import FlagKind, FlagType
from flags.definition import BY_DEFAULT, OFF, ON
from flags.registry import KEY_MAX_LENGTH, KEY_PATTERN

VARIANT_MAX_LENGTH = 100


class FlagSet(models.Model):
    """One row. Every write of any flag locks it and raises its version, so that version order is commit order."""

    version = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(name="flags_flagset_single", condition=Q(pk=1))]

    def __str__(self) -> str:
        return f"version {self.version}"


class FlagQuerySet(models.QuerySet["Flag"]):
    def living(self) -> "FlagQuerySet":
        return self.filter(archived_at=None)


class Flag(models.Model):
    """A switch that operators turn. Flags are archived, never deleted: code may still ask for them."""

    key = models.CharField(
        "name",
        max_length=KEY_MAX_LENGTH,
        unique=True,
        validators=[RegexValidator(KEY_PATTERN, "Letters, digits, _ and -, with dots between.")],
        help_text="As the code asks for it, such as checkout.new_flow",
    )
    description = models.TextField(blank=True, help_text="What is different while it is on")
    owner = models.CharField(max_length=120, blank=True, help_text="Person or team to ask")
    tags = ArrayField(models.CharField(max_length=50), default=list, blank=True, help_text="Separated by commas")
    type = models.CharField(max_length=10, choices=FlagType.choices, default=FlagType.BOOLEAN)
    kind = models.CharField(max_length=20, choices=FlagKind.choices, default=FlagKind.RELEASE)
    enabled = models.BooleanField("on", default=False)
    on_variant = models.CharField(
        max_length=VARIANT_MAX_LENGTH, default=ON, blank=True, help_text="Served while it is on; empty: by the split"
    )
    on_split = models.JSONField(default=list, blank=True, help_text="Variants and their weights")
    off_variant = models.CharField(
        max_length=VARIANT_MAX_LENGTH, default=OFF, blank=True, help_text="Empty: whatever the code has as default"
    )
    fallthrough_variant = models.CharField(
        max_length=VARIANT_MAX_LENGTH, default=OFF, blank=True, help_text="Served when there are rules and none hits"
    )
    salt = models.CharField(max_length=KEY_MAX_LENGTH, blank=True, help_text="Of percentages; empty: the name")
    stickiness = models.CharField(max_length=100, default=BY_DEFAULT, help_text="Who keeps the same variant")
    protected = models.BooleanField(
        default=False, help_text="Every change needs a reason; turning it on needs a second person"
    )
    client_visible = models.BooleanField(default=False, help_text="Shop fronts may read it without being flag editors")
    guard = ArrayField(
        models.CharField(max_length=100), default=list, blank=True, help_text="Alerts that turn it off when they fire"
    )
    review_at = models.DateTimeField(null=True, blank=True, help_text="When somebody should ask whether it may go")
    version = models.PositiveIntegerField(default=0, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = FlagQuerySet.as_manager()

    class Meta:
        ordering = ["key"]
        constraints = [
            models.CheckConstraint(name="flags_flag_key_wellformed", condition=Q(key__regex=KEY_PATTERN)),
            models.CheckConstraint(name="flags_flag_type_known", condition=Q(type__in=FlagType.values)),
            models.CheckConstraint(name="flags_flag_kind_known", condition=Q(kind__in=FlagKind.values)),
            models.CheckConstraint(name="flags_flag_archived_off", condition=Q(archived_at=None) | Q(enabled=False)),
            # A kill must have something to say: without it a declared default of True would survive.
            models.CheckConstraint(
                name="flags_flag_boolean_off_said",
                condition=~Q(type=FlagType.BOOLEAN, off_variant=""),
            ),
        ]

    def __str__(self) -> str:
        return self.key
