"""The closed lists that flags are described with."""

from django.db.models import TextChoices


class FlagKind(TextChoices):
    RELEASE = "release", "release"
    EXPERIMENT = "experiment", "experiment"
    OPERATIONAL = "operational", "operational"
    KILL_SWITCH = "kill_switch", "kill switch"
    PERMISSION = "permission", "permission"


class FlagType(TextChoices):
    BOOLEAN = "boolean", "on or off"
    STRING = "string", "text"
    NUMBER = "number", "number"
    OBJECT = "object", "JSON object"


class PlanState(TextChoices):
    """Of a planned change: it waits for approvals, then for its moment."""

    PROPOSED = "proposed", "waits for approval"
    APPROVED = "approved", "approved"
    APPLIED = "applied", "applied"
    CANCELLED = "cancelled", "cancelled"
    FAILED = "failed", "failed"

    @classmethod
    def open(cls) -> list["PlanState"]:
        """The states of what still waits."""
        return [cls.PROPOSED, cls.APPROVED]


class FlagSource(TextChoices):
    """The door a change came through."""

    ADMIN = "admin", "admin"
    API = "api", "API"
    SCHEDULE = "schedule", "schedule"
    ALERT = "alert", "alert"
    COMMAND = "command", "command"
    IMPORT = "import", "import"
