"""Flags, the version of all of them, and who changed what."""

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from flags.choices import FlagKind, FlagSource
from flags.registry import KEY_MAX_LENGTH, KEY_PATTERN


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
    kind = models.CharField(max_length=20, choices=FlagKind.choices, default=FlagKind.RELEASE)
    enabled = models.BooleanField("on", default=False)
    protected = models.BooleanField(default=False, help_text="Every change needs a reason")
    client_visible = models.BooleanField(default=False, help_text="Shop fronts may read it without being flag editors")
    version = models.PositiveIntegerField(default=0, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = FlagQuerySet.as_manager()

    FACTS = ("key", "description", "owner", "tags", "kind", "enabled", "protected", "client_visible", "archived_at")

    class Meta:
        ordering = ["key"]
        constraints = [
            models.CheckConstraint(name="flags_flag_key_wellformed", condition=Q(key__regex=KEY_PATTERN)),
            models.CheckConstraint(name="flags_flag_kind_known", condition=Q(kind__in=FlagKind.values)),
            models.CheckConstraint(name="flags_flag_archived_off", condition=Q(archived_at=None) | Q(enabled=False)),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def facts(self) -> dict[str, Any]:
        """Everything that a change may change, as the history keeps it (JSON)."""
        facts = {name: getattr(self, name) for name in self.FACTS}
        return {**facts, "archived_at": self.archived_at and self.archived_at.isoformat()}


class FlagChange(models.Model):
    """One change of one flag. Append-only: a trigger refuses UPDATE and DELETE."""

    flag = models.ForeignKey(Flag, on_delete=models.PROTECT, related_name="changes")
    set_version = models.PositiveBigIntegerField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: the system itself",
    )
    source = models.CharField(max_length=20, choices=FlagSource.choices)
    reason = models.CharField(max_length=200, blank=True)
    before = models.JSONField(null=True, help_text="Empty: the flag was made")
    after = models.JSONField()
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(name="flags_flagchange_once", fields=["flag", "set_version"]),
            models.CheckConstraint(name="flags_flagchange_source_known", condition=Q(source__in=FlagSource.values)),
        ]
        indexes = [
            # The history of a flag, newest first, and the last change of each in the list.
            models.Index(name="flags_flagchange_history_idx", fields=["flag", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.after['key']} at version {self.set_version}"

    @property
    def changed(self) -> dict[str, tuple[Any, Any]]:
        """Field → (before, after), of those that differ."""
        before = self.before or {}
        return {name: (before.get(name), value) for name, value in self.after.items() if before.get(name) != value}
