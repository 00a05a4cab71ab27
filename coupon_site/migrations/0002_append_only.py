from django.db import migrations

from coupon_site.append_only import FUNCTION, append_only


class Migration(migrations.Migration):
    dependencies = [("coupon_site", "0001_initial")]
    operations = [FUNCTION, append_only("coupon_site_statechange")]
