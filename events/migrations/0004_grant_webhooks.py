from django.db import migrations

from accounts.roles import grant

OPERATORS = [
    "view_webhookendpoint",
    "add_webhookendpoint",
    "change_webhookendpoint",
    "delete_webhookendpoint",
    "view_webhookdelivery",
    "change_webhookdelivery",
]


class Migration(migrations.Migration):
    dependencies = [("events", "0003_webhooks"), ("accounts", "0002_roles")]
    operations = [grant("events", {"operators": OPERATORS})]
