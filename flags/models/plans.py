"""Changes that wait: for a moment, for a second person, or for the step before them."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q

from coupon_site.identifiers import uuid7
from flags.choices import PlanState
from flags.models.flag import Flag
from flags.registry import KEY_MAX_LENGTH


class PlannedChangeQuerySet(models.QuerySet["PlannedChange"]):
    def open(self) -> "PlannedChangeQuerySet":
        """Those that still wait."""
        return self.filter(state__in=PlanState.open())

    def due(self, at: datetime) -> "PlannedChangeQuerySet":
        """Those whose moment has come, the earliest first; a step only when the one before it is done."""
        waits = ~Q(after=None) & ~Q(after__state=PlanState.APPLIED)
        return self.filter(state=PlanState.APPROVED, run_at__lte=at).exclude(waits).order_by("run_at", "id")


class PlannedChange(models.Model):
    """A patch of one flag's definition, made on `base_version` of it: whatever else changes the flag first, ends it.

    A ramp is a row of these, each `after` the one before it. Whoever approves one approves those that follow it.
    """

    TRANSITIONS: ClassVar[Mapping[str, frozenset[str]]] = {
        PlanState.PROPOSED: frozenset({PlanState.APPROVED, PlanState.CANCELLED, PlanState.FAILED}),
        PlanState.APPROVED: frozenset({PlanState.APPLIED, PlanState.CANCELLED, PlanState.FAILED}),
        PlanState.APPLIED: frozenset(),
        PlanState.CANCELLED: frozenset(),
        PlanState.FAILED: frozenset(),
    }

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    flag = models.ForeignKey(Flag, on_delete=models.PROTECT, related_name="planned_changes")
    patch = models.JSONField(help_text="The fields of the definition that change")
    base_version = models.PositiveIntegerField(help_text="Of the flag, when this was planned")
    after = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="next")
    run_at = models.DateTimeField(help_text="Not before this moment")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=200, blank=True)
    approvals_needed = models.PositiveSmallIntegerField(default=0)
    content_hash = models.CharField(max_length=64, help_text="SHA-256 of what an approval approves")
    state = models.CharField(max_length=10, choices=PlanState.choices, default=PlanState.PROPOSED)
    ended_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PlannedChangeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [("approve_plannedchange", "Can approve planned changes")]
        constraints = [
            models.CheckConstraint(name="flags_plannedchange_state_known", condition=Q(state__in=PlanState.values)),
            models.CheckConstraint(
                name="flags_plannedchange_ended_once",
                condition=Q(state__in=PlanState.open(), ended_at=None)
                | (~Q(state__in=PlanState.open()) & Q(ended_at__isnull=False)),
            ),
        ]
        indexes = [
            # run_planned_changes walks what is approved, earliest first.
            models.Index(name="flags_plannedchange_due_idx", fields=["run_at"], condition=Q(state="approved")),
            # Every write of a flag looks for what waits for it.
            models.Index(name="flags_plannedchange_open_idx", fields=["flag"], condition=Q(state__in=PlanState.open())),
        ]

    def __str__(self) -> str:
        return f"{self.flag} at {self.run_at:%Y-%m-%d %H:%M} UTC"


class Approval(models.Model):
    """A person's yes to exactly this content: what is edited afterwards must be approved again."""

    planned_change = models.ForeignKey(PlannedChange, on_delete=models.PROTECT, related_name="approvals")
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    content_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(name="flags_approval_once", fields=["planned_change", "approver", "content_hash"])
        ]

    def __str__(self) -> str:
        return f"{self.approver} on {self.planned_change}"


class NamespaceGrant(models.Model):
    """What a group may do with the flags below a prefix; who has Django's `flags.change_flag` may do it everywhere."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="flag_namespaces")
    namespace = models.CharField(max_length=KEY_MAX_LENGTH, help_text="checkout: checkout itself and checkout.…")
    may_approve = models.BooleanField(default=False, help_text="Also approve what others plan")

    class Meta:
        ordering = ["namespace"]
        constraints = [models.UniqueConstraint(name="flags_namespacegrant_once", fields=["group", "namespace"])]

    def __str__(self) -> str:
        return f"{self.group}: {self.namespace}"
