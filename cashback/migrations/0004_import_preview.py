from typing import Any

import django.core.validators
from django.db import migrations, models

import cashback.models.networks

STATUSES = {"pending": "pending", "approved": "approved", "declined": "declined", "deleted": "declined"}
# Transaction reports as publishers download them. They give nothing back until somebody sets their share.
NETWORKS = [
    {
        "network": {"slug": "awin", "name": "Awin"},
        "name": "Transactions",
        "columns": {
            "external_id": "id",
            "occurred_at": "transactionDate",
            "buyer": "clickRef",
            "amount": "saleAmount",
            "currency": "currency",
            "status": "commissionStatus",
        },
        "date_format": "%Y-%m-%dT%H:%M:%S",
        "currency": "GBP",
        "statuses": STATUSES,
        "replaces": True,
    },
    {
        "network": {"slug": "cj", "name": "CJ"},
        "name": "Commission detail",
        "columns": {
            "external_id": "Original Action ID",
            "occurred_at": "Event Date",
            "buyer": "SID",
            "amount": "Sale Amount",
        },
        "date_format": "%Y-%m-%dT%H:%M:%S%z",
        "currency": "USD",
    },
    {
        "network": {"slug": "rakuten", "name": "Rakuten Advertising"},
        "name": "Signature orders",
        "columns": {
            "external_id": "Order ID",
            "occurred_at": "Transaction Date",
            "time": "Transaction Time",
            "buyer": "Member ID (U1)",
            "item": "SKU",
            "amount": "Sales",
            "quantity": "# of Items",
        },
        "date_format": "%m/%d/%y %H:%M:%S",
        "timezone": "America/New_York",
        "currency": "USD",
    },
]


def add_networks(apps: Any, schema_editor: Any) -> None:
    """Affiliate networks whose transaction reports can be read."""
    for each in NETWORKS:
        network, profile = each["network"], {key: value for key, value in each.items() if key != "network"}
        owner, _ = apps.get_model("cashback", "Network").objects.get_or_create(
            slug=network["slug"], defaults={"name": network["name"]}
        )
        apps.get_model("cashback", "MappingProfile").objects.get_or_create(
            network=owner,
            name=profile["name"],
            defaults={**profile, "signs": "negative", "cancellation_prefix": ""},
        )


class Migration(migrations.Migration):
    dependencies = [("cashback", "0003_payouts")]

    operations = [
        migrations.AddField(
            model_name="conversionline",
            name="version",
            field=models.DateTimeField(help_text="Where lines replace each other: the latest one counts", null=True),
        ),
        migrations.AddField(
            model_name="importjob",
            name="confirmed_at",
            field=models.DateTimeField(blank=True, help_text="When somebody said that it may begin", null=True),
        ),
        migrations.AddField(
            model_name="importjob",
            name="mapping",
            field=models.JSONField(blank=True, help_text="How the file is read; settled when it begins", null=True),
        ),
        migrations.AddField(
            model_name="importjob",
            name="preview",
            field=models.JSONField(blank=True, help_text="What its first lines would bring", null=True),
        ),
        migrations.AddField(model_name="importrow", name="currency", field=models.CharField(blank=True, max_length=3)),
        migrations.AddField(
            model_name="importrow",
            name="version",
            field=models.DateTimeField(help_text="Where lines replace each other: the latest one counts", null=True),
        ),
        migrations.AddField(
            model_name="mappingprofile",
            name="quote",
            field=models.CharField(
                blank=True,
                choices=[('"', 'Double: "…"'), ("'", "Single: '…'"), ("", "None")],
                default='"',
                max_length=1,
            ),
        ),
        migrations.AddField(
            model_name="mappingprofile",
            name="replaces",
            field=models.BooleanField(
                default=False,
                help_text="A transaction that comes again, with another amount or state, replaces what was known of it",
            ),
        ),
        migrations.AddField(
            model_name="mappingprofile",
            name="statuses",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="The network's word → its meaning",
                validators=[cashback.models.networks.validate_statuses],
            ),
        ),
        migrations.AlterField(
            model_name="mappingprofile",
            name="currency",
            field=models.CharField(
                help_text="Of files without a column for it",
                max_length=3,
                validators=[django.core.validators.RegexValidator("^[A-Z]{3}$")],
            ),
        ),
        migrations.AlterField(
            model_name="mappingprofile",
            name="date_format",
            field=models.CharField(
                default="%Y-%m-%d %H:%M:%S", max_length=40, validators=[cashback.models.networks.validate_date_format]
            ),
        ),
        migrations.AlterField(
            model_name="mappingprofile",
            name="delimiter",
            field=models.CharField(choices=cashback.models.networks.DELIMITERS, default=",", max_length=1),
        ),
        migrations.AlterField(
            model_name="mappingprofile",
            name="encoding",
            field=models.CharField(choices=cashback.models.networks.ENCODINGS, default="utf-8-sig", max_length=20),
        ),
        migrations.RunPython(add_networks, migrations.RunPython.noop),
    ]
