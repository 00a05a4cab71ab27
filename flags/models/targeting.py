"""What decides who gets which answer of a flag. Written by the services only, as part of a flag's definition."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from flags.definition import BY_DEFAULT
from flags.models.flag import VARIANT_MAX_LENGTH, Flag
from flags.registry import KEY_MAX_LENGTH, KEY_PATTERN


class Variant(models.Model):
    """A named answer of a flag that is not boolean."""

    flag = models.ForeignKey(Flag, on_delete=models.CASCADE, related_name="variants")
    position = models.PositiveSmallIntegerField()
    key = models.CharField("name", max_length=VARIANT_MAX_LENGTH)
    value = models.JSONField(help_text="JSON of the flag's type")
    description = models.TextField(blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(name="flags_variant_once", fields=["flag", "key"])]

    def __str__(self) -> str:
        return self.key


class SegmentQuerySet(models.QuerySet["Segment"]):
    def living(self) -> "SegmentQuerySet":
        return self.filter(archived_at=None)


class Segment(models.Model):
    """A named group of subjects, for the rules of many flags. Archived, never deleted: the history speaks of it."""

    key = models.CharField(
        "name",
        max_length=KEY_MAX_LENGTH,
        unique=True,
        validators=[RegexValidator(KEY_PATTERN, "Letters, digits, _ and -, with dots between.")],
    )
    description = models.TextField(blank=True)
    constraints = models.JSONField(default=list, blank=True, help_text="All must hold")
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SegmentQuerySet.as_manager()

    class Meta:
        ordering = ["key"]
        constraints = [
            models.CheckConstraint(name="flags_segment_key_wellformed", condition=Q(key__regex=KEY_PATTERN)),
        ]

    def __str__(self) -> str:
        return self.key


class Rule(models.Model):
    """Who gets something else than the rest; the first rule that hits decides."""

    flag = models.ForeignKey(Flag, on_delete=models.CASCADE, related_name="rules")
    position = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=36, help_text="Its name for life, in the history and in answers")
    name = models.CharField(max_length=150, blank=True)
    constraints = models.JSONField(default=list, blank=True)
    segments = models.ManyToManyField(Segment, related_name="rules", blank=True)
    percent = models.DecimalField(max_digits=6, decimal_places=3, default=100)
    stickiness = models.CharField(max_length=100, default=BY_DEFAULT)
    salt = models.CharField(max_length=KEY_MAX_LENGTH, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    variant = models.CharField(max_length=VARIANT_MAX_LENGTH, blank=True)
    split = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(name="flags_rule_position_once", fields=["flag", "position"]),
            models.UniqueConstraint(name="flags_rule_key_once", fields=["flag", "key"]),
            models.CheckConstraint(name="flags_rule_percent_range", condition=Q(percent__gte=0, percent__lte=100)),
            models.CheckConstraint(
                name="flags_rule_window_forward",
                condition=Q(starts_at=None) | Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.key


class Override(models.Model):
    """What one subject gets, whatever the rules say."""

    flag = models.ForeignKey(Flag, on_delete=models.CASCADE, related_name="overrides")
    subject = models.CharField(max_length=200, help_text="The targeting key: of customers, their id")
    variant = models.CharField(max_length=VARIANT_MAX_LENGTH)
    reason = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["subject"]
        constraints = [models.UniqueConstraint(name="flags_override_once", fields=["flag", "subject"])]

    def __str__(self) -> str:
        return f"{self.subject}: {self.variant}"


class Prerequisite(models.Model):
    """Another flag's answer that this one depends on."""

    flag = models.ForeignKey(Flag, on_delete=models.CASCADE, related_name="prerequisites")
    required = models.ForeignKey(Flag, on_delete=models.PROTECT, related_name="dependants")
    on = models.BooleanField(default=True, help_text="Whether it must be on, or off")
    variants = ArrayField(models.CharField(max_length=VARIANT_MAX_LENGTH), default=list, blank=True)

    class Meta:
        ordering = ["required__key"]
        constraints = [
            models.UniqueConstraint(name="flags_prerequisite_once", fields=["flag", "required"]),
            models.CheckConstraint(name="flags_prerequisite_not_itself", condition=~Q(flag=F("required"))),
        ]

    def __str__(self) -> str:
        return f"{self.required} {'on' if self.on else 'off'}"
