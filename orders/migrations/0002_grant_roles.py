from django.db import migrations

from accounts.roles import grant

VIEWS = [
    "view_merchant",
    "view_offer",
    "view_flashsale",
    "view_salestock",
    "view_order",
    "view_orderline",
    "view_hold",
]
CHANGES = [
    "add_merchant",
    "change_merchant",
    "add_offer",
    "change_offer",
    "add_flashsale",
    "change_flashsale",
    "change_order",
]


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial"), ("accounts", "0002_roles")]
    operations = [
        grant(
            "orders",
            {"operators": [*VIEWS, *CHANGES], "finance": VIEWS, "merchants": ["view_merchant"]},
        )
    ]
