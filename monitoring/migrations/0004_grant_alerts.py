from django.db import migrations

from accounts.roles import grant


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0003_alerts"), ("accounts", "0002_roles")]
    operations = [
        grant("monitoring", {"operators": ["view_alert", "view_deployment"], "finance": ["view_alert"]}),
    ]
