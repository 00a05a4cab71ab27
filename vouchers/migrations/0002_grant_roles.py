from django.db import migrations

from accounts.roles import grant


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0001_initial"), ("accounts", "0002_roles")]
    operations = [
        grant(
            "vouchers",
            {
                "operators": [
                    "view_voucher",
                    "view_scannerdevice",
                    "add_scannerdevice",
                    "change_scannerdevice",
                    "view_redemption",
                    "change_redemption",
                ],
                "finance": ["view_voucher", "view_redemption"],
            },
        )
    ]
