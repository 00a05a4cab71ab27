"""Files of a network on their way into conversions."""

from collections.abc import Mapping
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from cashback.models.networks import MappingProfile, Network
from coupon_site.identifiers import uuid7


class ImportState(models.TextChoices):
    UPLOADED = "uploaded", "Uploaded"
    VALIDATING = "validating", "Validating"
    PREVIEWED = "previewed", "Previewed"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    DONE_WITH_ERRORS = "done_with_errors", "Done, some lines rejected"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class ImportKind(models.TextChoices):
    CONVERSIONS = "conversions", "Conversions"


class ImportSource(models.TextChoices):
    UPLOAD = "upload", "Upload"
    COMMAND = "command", "Command"


FINISHED_STATES = (ImportState.DONE, ImportState.DONE_WITH_ERRORS)
DEAD_STATES = (ImportState.FAILED, ImportState.CANCELLED)


class ImportJob(models.Model):
    """One file: first its lines are staged, then applied to conversions; both go on at the last committed chunk."""

    TRANSITIONS: ClassVar[Mapping[ImportState, frozenset[ImportState]]] = {
        ImportState.UPLOADED: frozenset({ImportState.VALIDATING, ImportState.CANCELLED}),
        ImportState.VALIDATING: frozenset({ImportState.PREVIEWED, ImportState.FAILED, ImportState.CANCELLED}),
        ImportState.PREVIEWED: frozenset({ImportState.RUNNING, ImportState.CANCELLED}),
        ImportState.RUNNING: frozenset({ImportState.DONE, ImportState.DONE_WITH_ERRORS, ImportState.FAILED}),
        ImportState.FAILED: frozenset({ImportState.RUNNING}),  # goes on where it was
        ImportState.DONE: frozenset(),
        ImportState.DONE_WITH_ERRORS: frozenset(),
        ImportState.CANCELLED: frozenset(),
    }

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    kind = models.CharField(max_length=20, choices=ImportKind, default=ImportKind.CONVERSIONS)
    source = models.CharField(max_length=10, choices=ImportSource)
    network = models.ForeignKey(Network, on_delete=models.PROTECT, related_name="imports")
    profile = models.ForeignKey(MappingProfile, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    mapping = models.JSONField(null=True, blank=True, help_text="How the file is read; settled when it begins")
    preview = models.JSONField(null=True, blank=True, help_text="What its first lines would bring")
    confirmed_at = models.DateTimeField(null=True, blank=True, help_text="When somebody said that it may begin")
    filename = models.CharField(max_length=200)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: a command",
    )
    state = models.CharField(max_length=20, choices=ImportState, default=ImportState.UPLOADED)
    error = models.CharField(max_length=300, blank=True, help_text="Why it failed")
    series = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="pieces",
        help_text="What all pieces of one file have in common: one of them",
    )  # fmt: skip
    cursor_bytes = models.BigIntegerField(default=0, help_text="The file is staged up to here")
    cursor_rows = models.IntegerField(default=0)
    staged_at = models.DateTimeField(null=True, blank=True)
    applied_to = models.CharField(
        max_length=64, blank=True, db_collation="C", help_text="Conversions are applied up to here"
    )
    lines = models.IntegerField(default=0)
    rejected = models.IntegerField(default=0)
    applied_lines = models.IntegerField(default=0)
    created_count = models.IntegerField(default=0)
    amended_count = models.IntegerField(default=0)
    unchanged_count = models.IntegerField(default=0)
    clawbacks = models.IntegerField(default=0, help_text="Cancelled lines that were matched to a purchase")
    reasons = models.JSONField(default=dict, blank=True, help_text="Reason → rejected lines; one line may have several")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True, help_text="When it last committed a chunk")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="cashback_importjob_file", fields=["kind", "sha256"], condition=~Q(state__in=DEAD_STATES)
            ),
            # Two at once could not tell whether they are pieces of one file.
            models.UniqueConstraint(
                name="cashback_importjob_one_running", fields=["network"], condition=Q(state="running")
            ),
            models.CheckConstraint(name="cashback_importjob_state_known", condition=Q(state__in=ImportState.values)),
            models.CheckConstraint(
                name="cashback_importjob_cursor_in_file",
                condition=Q(cursor_bytes__gte=0, cursor_bytes__lte=F("size_bytes")),
            ),
        ]
        indexes = [
            # Operators' list by state, newest first.
            models.Index(name="cashback_importjob_state_idx", fields=["state", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.filename}, {self.get_state_display().lower()}"

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED_STATES

    @property
    def progress(self) -> float:
        """How far it is, from 0 to 1: staging is half of the way, applying the other."""
        staged = self.cursor_bytes / self.size_bytes if self.size_bytes else 1.0
        good = self.lines - self.rejected
        applied = self.applied_lines / good if good else float(self.is_finished)
        return 1.0 if self.is_finished else round((staged + (applied if self.staged_at else 0.0)) / 2, 4)

    @property
    def is_waiting(self) -> bool:
        """Whether the next to act is an importer: nobody needs to say anything."""
        asked = self.state in (ImportState.PREVIEWED, ImportState.FAILED) and self.confirmed_at is not None
        return asked or self.state in (ImportState.UPLOADED, ImportState.VALIDATING)

    @property
    def is_going_on(self) -> bool:
        """Whether it will look different in a moment."""
        return self.is_waiting or self.state == ImportState.RUNNING

    @property
    def conversions(self) -> int:
        """How many conversions the file speaks of."""
        return self.created_count + self.amended_count + self.unchanged_count


class ImportPart(models.Model):
    """A stretch of an uploaded file, so that an importer on any machine can read it. Removed when the job is done."""

    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, related_name="parts", db_index=False)
    offset = models.BigIntegerField()
    body = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="cashback_importpart_offset", fields=["job", "offset"]),
        ]

    def __str__(self) -> str:
        return f"{self.job}: from byte {self.offset}"


class RowOutcome(models.TextChoices):
    STAGED = "staged", "Staged"
    CREATED = "created", "Created a conversion"
    AMENDED = "amended", "Amended a conversion"
    UNCHANGED = "unchanged", "Known already"
    SKIPPED_DUPLICATE = "skipped_duplicate", "Skipped: known already, others of its conversion were not"
    ERROR = "error", "Rejected"


class ImportRow(models.Model):
    """One line of a file: what it says when it can be read, why it was rejected when not."""

    pk = models.CompositePrimaryKey("job_id", "row_no")
    # Millions come by COPY for a job that their transaction has just written: a check of each would cost a fifth.
    job = models.ForeignKey(
        ImportJob, on_delete=models.CASCADE, related_name="rows", db_index=False, db_constraint=False
    )
    row_no = models.IntegerField(help_text="From 1, without the header")
    outcome = models.CharField(max_length=20, choices=RowOutcome)
    reasons = ArrayField(models.CharField(max_length=30), null=True)
    raw = models.CharField(max_length=500, blank=True, help_text="The line itself, when it was rejected")
    external_id = models.CharField(max_length=64, blank=True, db_collation="C")
    part = models.CharField(max_length=40, blank=True)
    is_cancellation = models.BooleanField(default=False)
    buyer_ref = models.CharField(max_length=64, blank=True)
    item = models.CharField(max_length=64, blank=True)
    quantity = models.IntegerField(default=0)
    amount_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3, blank=True)
    occurred_at = models.DateTimeField(null=True)
    version = models.DateTimeField(null=True, help_text="Where lines replace each other: the latest one counts")
    line_hash = models.UUIDField(null=True, help_text="Equal lines have equal hashes; a rejected one has none")

    class Meta:
        constraints = [
            models.CheckConstraint(name="cashback_importrow_outcome_known", condition=Q(outcome__in=RowOutcome.values)),
            models.CheckConstraint(
                name="cashback_importrow_rejected_or_read",
                condition=Q(outcome="error", line_hash__isnull=True, reasons__isnull=False)
                | (~Q(outcome="error") & Q(line_hash__isnull=False, occurred_at__isnull=False)),
            ),
        ]
        # None speaks of `outcome`, so that writing it touches no index.
        indexes = [
            # Applying walks a job's good lines conversion by conversion.
            models.Index(
                name="cashback_importrow_apply_idx", fields=["job", "external_id"], condition=Q(line_hash__isnull=False)
            ),
            # Operators look at the rejected ones.
            models.Index(
                name="cashback_importrow_error_idx", fields=["job", "row_no"], condition=Q(line_hash__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"line {self.row_no}: {self.outcome}"
