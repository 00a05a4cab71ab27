"""No tables: what there is to see belongs to the other apps. Only permissions."""

from django.db import models


class Console(models.Model):
    """Carries the permissions of the operators' screens."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [
            ("view_reconciliation", "Can see whether every invariant holds"),
            ("clear_window", "Can empty the last hour's window of figures"),
        ]
