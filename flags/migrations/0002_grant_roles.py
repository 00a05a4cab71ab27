from django.db import migrations

from accounts.roles import grant


class Migration(migrations.Migration):
    dependencies = [("flags", "0001_initial"), ("accounts", "0002_roles")]
    operations = [
        grant(
            "flags",
            {
                "flag-editors": ["view_flag", "add_flag", "change_flag", "view_flagchange"],
                "operators": ["view_flag", "view_flagchange"],
            },
        )
    ]
