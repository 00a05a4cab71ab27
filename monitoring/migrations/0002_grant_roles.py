from django.db import migrations

from accounts.roles import grant


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0001_initial"), ("accounts", "0002_roles")]
    operations = [
        grant("monitoring", {"operators": ["view_reconciliation", "clear_window"], "finance": ["view_reconciliation"]})
    ]
