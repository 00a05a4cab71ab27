"""The closed lists that flags are described with."""

from django.db.models import TextChoices


class FlagKind(TextChoices):
    RELEASE = "release", "release"
    EXPERIMENT = "experiment", "experiment"
    OPERATIONAL = "operational", "operational"
    KILL_SWITCH = "kill_switch", "kill switch"
    PERMISSION = "permission", "permission"


class FlagSource(TextChoices):
    """The door a change came through."""

    ADMIN = "admin", "admin"
    API = "api", "API"
    SCHEDULE = "schedule", "schedule"
    ALERT = "alert", "alert"
    COMMAND = "command", "command"
    IMPORT = "import", "import"
