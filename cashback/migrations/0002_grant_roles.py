from django.db import migrations

from accounts.roles import grant


class Migration(migrations.Migration):
    dependencies = [("cashback", "0001_initial"), ("accounts", "0002_roles")]
    operations = [
        grant(
            "cashback",
            {
                "operators": [
                    "view_cashbackevent",
                    "view_conversion",
                    "view_network",
                    "view_mappingprofile",
                    "view_importjob",
                    "add_importjob",
                ],
                "finance": [
                    "view_cashbackevent",
                    "approve_cashbackevent",
                    "view_account",
                    "view_transfer",
                    "view_conversion",
                    "view_network",
                    "add_network",
                    "change_network",
                    "view_mappingprofile",
                    "add_mappingprofile",
                    "change_mappingprofile",
                    "view_buyerreference",
                    "add_buyerreference",
                    "view_importjob",
                    "add_importjob",
                ],
            },
        )
    ]
