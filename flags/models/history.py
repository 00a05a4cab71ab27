"""Who changed what."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from flags.choices import FlagSource
from flags.models.flag import Flag
from flags.models.targeting import Segment


class FlagChange(models.Model):
    """One change of one flag or segment, with everything before and after. A trigger refuses UPDATE and DELETE."""

    flag = models.ForeignKey(Flag, null=True, blank=True, on_delete=models.PROTECT, related_name="changes")
    segment = models.ForeignKey(Segment, null=True, blank=True, on_delete=models.PROTECT, related_name="changes")
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
    before = models.JSONField(null=True, help_text="Empty: it was made")
    after = models.JSONField()
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(name="flags_flagchange_once", fields=["flag", "set_version"]),
            models.UniqueConstraint(name="flags_flagchange_segment_once", fields=["segment", "set_version"]),
            models.CheckConstraint(name="flags_flagchange_source_known", condition=Q(source__in=FlagSource.values)),
            models.CheckConstraint(
                name="flags_flagchange_of_one_thing",
                condition=Q(flag=None, segment__isnull=False) | Q(flag__isnull=False, segment=None),
            ),
        ]
        indexes = [
            # The history of a flag, newest first, and the last change of each in the list.
            models.Index(name="flags_flagchange_history_idx", fields=["flag", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.after['key']} at version {self.set_version}"

    @property
    def changed(self) -> dict[str, tuple[Any, Any]]:
        """Field → (before, after), of those that differ; a field that has its default is left out of both."""
        before = self.before or {}
        names = [*self.after, *(name for name in before if name not in self.after)]
        return {
            name: (before.get(name), self.after.get(name)) for name in names if before.get(name) != self.after.get(name)
        }
