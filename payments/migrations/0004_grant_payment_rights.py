from django.db import migrations

from accounts.roles import grant


class Migration(migrations.Migration):
    dependencies = [("payments", "0003_authorizations_and_disputes")]
    operations = [
        grant(
            "payments",
            {
                "operators": ["view_dispute", "change_payment"],
                "finance": ["view_dispute", "change_payment"],
            },
        )
    ]
