from django.db import migrations

from accounts.roles import grant
from coupon_site.append_only import append_only

READ = ["view_plannedchange", "view_segment", "view_flagusage", "view_codereference"]


class Migration(migrations.Migration):
    dependencies = [("flags", "0005_plans_and_segments"), ("accounts", "0002_roles")]
    operations = [
        grant(
            "flags",
            {
                "flag-editors": [*READ, "add_plannedchange", "approve_plannedchange", "add_segment", "change_segment"],
                "operators": READ,
            },
        ),
        append_only("flags_approval"),
    ]
