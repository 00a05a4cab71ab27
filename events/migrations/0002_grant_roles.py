from django.db import migrations

from accounts.roles import grant

OPERATORS = [
    "view_outboxevent",
    "change_outboxevent",
    "view_outboxmessage",
    "change_outboxmessage",
    "view_outboxchannel",
]


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial"), ("accounts", "0002_roles")]
    operations = [grant("events", {"operators": OPERATORS})]
