from django.db import migrations

from accounts.roles import grant

VIEWS = ["view_payment", "view_refund", "view_webhookreceipt"]


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial"), ("accounts", "0002_roles")]
    operations = [
        grant(
            "payments",
            {
                "operators": [*VIEWS, "add_refund"],
                "finance": [*VIEWS, "add_refund", "change_refund"],
            },
        )
    ]
