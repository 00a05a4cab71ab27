"""The closed lists that flags are described with."""

from django.db.models import TextChoices


class FlagKind(TextChoices):
    RELEASE = "release", "release"
    EXPERIMENT = "experiment", "experiment"
    OPERATIONAL = "operational", "operational"
    KILL_SWITCH = "kill_switch", "kill switch"
    PERMISSION = "permission", "permission"


# How many days a flag of this kind is expected to live; the others stay for good.
LIFETIME_DAYS = {FlagKind.RELEASE: 40, FlagKind.EXPERIMENT: 40, FlagKind.OPERATIONAL: 180}


class StaleReason(TextChoices):
    """Why a flag may go."""

    REVIEW = "review", "its review is due"
    LIFETIME = "lifetime", "it is older than its kind lives"
    SILENT = "silent", "nobody has asked for it for 30 days"
    SETTLED = "settled", "it has given the same answer for 30 days"
    UNREFERENCED = "unreferenced", "no code names it"


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
