from django.db import migrations

from coupon_site.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("flags", "0002_grant_roles"), ("coupon_site", "0002_append_only")]
    operations = [append_only("flags_flagchange")]
