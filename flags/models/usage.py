"""What is known of flags in use: how often they answer what, and where the code asks for them."""

from django.db import models

from flags.models.flag import VARIANT_MAX_LENGTH, Flag
from flags.registry import KEY_MAX_LENGTH


class FlagUsage(models.Model):
    """Answers of one flag on one day (UTC)."""

    flag = models.ForeignKey(Flag, on_delete=models.CASCADE, related_name="usage")
    day = models.DateField()
    variant = models.CharField(max_length=VARIANT_MAX_LENGTH, blank=True)
    reason = models.CharField(max_length=20)
    count = models.PositiveBigIntegerField(default=0)
    last_seen_at = models.DateTimeField()

    class Meta:
        ordering = ["-day", "flag"]
        constraints = [
            models.UniqueConstraint(name="flags_flagusage_once", fields=["flag", "day", "variant", "reason"])
        ]

    def __str__(self) -> str:
        return f"{self.flag} {self.variant} on {self.day}: {self.count}"


class CodeReference(models.Model):
    """A line of the code that names a flag, as the last scan found it."""

    key = models.CharField(max_length=KEY_MAX_LENGTH)
    path = models.CharField(max_length=300)
    line = models.PositiveIntegerField()
    text = models.CharField(max_length=300)
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["key", "path", "line"]
        constraints = [models.UniqueConstraint(name="flags_codereference_once", fields=["key", "path", "line"])]

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"
