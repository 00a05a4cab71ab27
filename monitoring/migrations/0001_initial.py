from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Console",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))
            ],
            options={
                "permissions": [
                    ("view_reconciliation", "Can see whether every invariant holds"),
                    ("clear_window", "Can empty the last hour's window of figures"),
                ],
                "managed": False,
                "default_permissions": (),
            },
        ),
    ]
