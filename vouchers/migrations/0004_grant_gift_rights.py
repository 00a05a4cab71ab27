from django.db import migrations

from accounts.roles import grant


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0003_gift"), ("accounts", "0002_roles")]
    operations = [grant("vouchers", {"operators": ["view_gift", "change_gift"], "finance": ["view_gift"]})]
