"""What comes in and goes out."""

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from coupon_site.api import PROBLEM_RESPONSES, ProblemOut, StrictSerializer
from flags.models import Flag, FlagChange, PlannedChange

PROBLEM = "application/problem+json"
CONFLICT = {("409", PROBLEM): ProblemOut, ("412", PROBLEM): ProblemOut}
PROBLEMS = {**PROBLEM_RESPONSES, ("503", PROBLEM): ProblemOut}
NAME = OpenApiParameter("name", str, OpenApiParameter.PATH, description="Such as checkout.new_flow")
IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The ETag that the change is made on; 412 when it is older"
)
REASON_LENGTH = 200


class FlagOut(serializers.ModelSerializer[Flag]):
    """A flag and its last change. `definition` is the whole of it, as a change or a plan may change it."""

    name = serializers.CharField(source="key")
    definition = serializers.DictField()
    changed_at = serializers.DateTimeField()
    changed_by = serializers.EmailField(allow_null=True, help_text="null: the system itself")
    changed_source = serializers.CharField()
    changed_reason = serializers.CharField()

    class Meta:
        model = Flag
        fields = [
            *("name", "enabled", "type", "kind", "description", "owner", "tags", "protected", "client_visible"),
            *("guard", "archived_at", "version", "changed_at", "changed_by", "changed_source", "changed_reason"),
            "definition",
        ]
        read_only_fields = fields


class FlagChangeOut(serializers.ModelSerializer[FlagChange]):
    """One change: the flag before (null: it was made) and after, and by whom."""

    actor = serializers.EmailField(
        source="actor.email", default=None, allow_null=True, help_text="null: the system itself"
    )
    version = serializers.IntegerField(source="set_version", help_text="Of all flags, after this change")
    at = serializers.DateTimeField(source="created_at")

    class Meta:
        model = FlagChange
        fields = ["version", "at", "actor", "source", "reason", "before", "after"]
        read_only_fields = fields


class PlanOut(serializers.ModelSerializer[PlannedChange]):
    """A change that waits: for its moment, for a second person, or for the one before it."""

    id = serializers.UUIDField(source="public_id")
    flag = serializers.CharField(source="flag.key")
    changes = serializers.DictField(source="patch")
    after = serializers.UUIDField(source="after.public_id", default=None, allow_null=True)
    author = serializers.EmailField(source="author.email", default=None, allow_null=True)
    approved_by = serializers.SerializerMethodField()

    class Meta:
        model = PlannedChange
        fields = [
            *("id", "flag", "changes", "run_at", "after", "author", "reason", "approvals_needed", "approved_by"),
            *("state", "ended_at", "error", "created_at"),
        ]
        read_only_fields = fields

    def get_approved_by(self, plan: PlannedChange) -> list[str]:
        """Those who said yes to what it is now."""
        return [each.approver.email for each in plan.approvals.all() if each.content_hash == plan.content_hash]


class SetFlagIn(StrictSerializer):
    """The query string of a PUT."""

    enabled = serializers.ChoiceField(choices=["true", "false"])
    reason = serializers.CharField(max_length=REASON_LENGTH, required=False)


class ReasonIn(StrictSerializer):
    """The body of a PUT, for reasons that are no query string."""

    reason = serializers.CharField(max_length=REASON_LENGTH, required=False, help_text="Demanded for protected flags")


class ChangeFlagIn(StrictSerializer):
    """Fields of the definition that change, lists as a whole."""

    changes = serializers.DictField(allow_empty=False)
    reason = serializers.CharField(max_length=REASON_LENGTH, default="", allow_blank=True)


class RevertIn(StrictSerializer):
    version = serializers.IntegerField(
        min_value=1, max_value=(1 << 63) - 1, help_text="Of all flags, after the change that is taken back"
    )
    reason = serializers.CharField(max_length=REASON_LENGTH, default="", allow_blank=True)
