import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

import coupon_site.identifiers
from accounts.roles import grant


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_roles"),
        ("cashback", "0002_grant_roles"),
        ("orders", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="CashbackRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=coupon_site.identifiers.uuid7, editable=False, unique=True)),
                ("name", models.CharField(max_length=80)),
                (
                    "category",
                    models.CharField(
                        blank=True,
                        help_text="The part of a purchase that the network reports; empty: all",
                        max_length=40,
                    ),
                ),
                ("basis_points", models.PositiveIntegerField(help_text="Cashback on what is paid; 250 is 2.5 %")),
                (
                    "hold_days",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Days until it can be spent; empty: the network's, or the site's",
                        null=True,
                    ),
                ),
                ("valid_from", models.DateTimeField()),
                ("valid_until", models.DateTimeField(blank=True, help_text="Empty: until further notice", null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="Payout",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=coupon_site.identifiers.uuid7, editable=False, unique=True)),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("destination", models.CharField(help_text="The account that gets the money", max_length=80)),
                ("key", models.CharField(help_text="The same key is the same payout", max_length=300, unique=True)),
                ("provider_ref", models.CharField(blank=True, help_text="The bank's name for it", max_length=120)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                            ("processing", "At the bank"),
                            ("unknown", "Unknown"),
                            ("paid", "Paid"),
                            ("failed", "Failed"),
                            ("returned", "Returned to the wallet"),
                        ],
                        default="requested",
                        max_length=20,
                    ),
                ),
                ("failure_code", models.CharField(blank=True, max_length=60)),
                ("requested_at", models.DateTimeField()),
                ("approved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "sent_at",
                    models.DateTimeField(
                        blank=True, help_text="When the bank was asked last; empty: not yet", null=True
                    ),
                ),
                ("polls", models.PositiveIntegerField(default=0)),
                ("poll_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, help_text="Paid, rejected or returned", null=True)),
            ],
            options={
                "permissions": [("approve_payout", "Can approve, reject, retry and return payouts")],
            },
        ),
        migrations.CreateModel(
            name="SandboxTransfer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=coupon_site.identifiers.uuid7, editable=False, unique=True)),
                ("key", models.UUIDField(unique=True)),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("destination", models.CharField(max_length=80)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("lost", "Never arrived"),
                            ("pending", "Pending"),
                            ("paid", "Paid"),
                            ("declined", "Declined"),
                        ],
                        max_length=20,
                    ),
                ),
                ("asked", models.PositiveIntegerField(default=1, help_text="How often it was asked for")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="Wallet",
            fields=[],
            options={
                "permissions": [("adjust_wallet", "Can adjust wallets")],
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("accounts.user",),
        ),
        migrations.RemoveConstraint(
            model_name="account",
            name="cashback_account_sides",
        ),
        migrations.RemoveConstraint(
            model_name="cashbackevent",
            name="cashback_cashbackevent_written_off",
        ),
        migrations.AddField(
            model_name="cashbackevent",
            name="correction_minor",
            field=models.BigIntegerField(default=0, help_text="More or less, decided by somebody"),
        ),
        migrations.AlterField(
            model_name="account",
            name="kind",
            field=models.CharField(
                choices=[
                    ("pending", "Pending"),
                    ("available", "Available"),
                    ("accrual", "Cashback accrued"),
                    ("payout_clearing", "Payouts on their way"),
                    ("paid_out", "Paid out"),
                    ("adjustment", "Adjustments by finance"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("balance_minor__isnull", False),
                        ("kind__in", ("pending", "available")),
                        ("owner__isnull", False),
                    ),
                    models.Q(
                        ("balance_minor__isnull", True),
                        ("kind__in", ("accrual", "payout_clearing", "paid_out", "adjustment")),
                        ("owner__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="cashback_account_sides",
            ),
        ),
        migrations.AddField(
            model_name="cashbackrule",
            name="network",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty: our own offers",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="rules",
                to="cashback.network",
            ),
        ),
        migrations.AddField(
            model_name="cashbackrule",
            name="offer",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty: all",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cashback_rules",
                to="orders.offer",
            ),
        ),
        migrations.AddField(
            model_name="cashbackevent",
            name="rule",
            field=models.ForeignKey(
                blank=True,
                help_text="Where the rate came from; empty: the offer or the network itself",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cashback_events",
                to="cashback.cashbackrule",
            ),
        ),
        migrations.AddConstraint(
            model_name="cashbackevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "original_minor__gte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("clawed_back_minor"), "-", models.F("correction_minor")
                        ),
                    )
                ),
                name="cashback_cashbackevent_amount",
            ),
        ),
        migrations.AddConstraint(
            model_name="cashbackevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("written_off_minor__gte", 0)), name="cashback_cashbackevent_written_off"
            ),
        ),
        migrations.AddField(
            model_name="payout",
            name="approved_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="payout",
            name="buyer",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="payouts",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="payout",
            name="requested_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddConstraint(
            model_name="sandboxtransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["lost", "pending", "paid", "declined"])),
                name="cashback_sandboxtransfer_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="sandboxtransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gt", 0)), name="cashback_sandboxtransfer_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="cashbackrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("basis_points__lte", 10000)), name="cashback_rule_share"
            ),
        ),
        migrations.AddConstraint(
            model_name="cashbackrule",
            constraint=models.CheckConstraint(condition=models.Q(("hold_days__lte", 3650)), name="cashback_rule_hold"),
        ),
        migrations.AddConstraint(
            model_name="cashbackrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("valid_until__gt", models.F("valid_from"))), name="cashback_rule_period"
            ),
        ),
        migrations.AddConstraint(
            model_name="cashbackrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("network__isnull", False), ("offer", None)),
                    models.Q(("category", ""), ("network", None)),
                    _connector="OR",
                ),
                name="cashback_rule_scope",
                violation_error_message="A rule is for an offer of ours or for a network; only these have categories.",
            ),
        ),
        migrations.AddIndex(
            model_name="payout",
            index=models.Index(fields=["buyer", "-id"], name="cashback_payout_buyer_idx"),
        ),
        migrations.AddIndex(
            model_name="payout",
            index=models.Index(
                condition=models.Q(("state__in", ("requested", "approved", "processing", "unknown", "failed"))),
                fields=["id"],
                name="cashback_payout_open_idx",
            ),
        ),
        migrations.AddIndex(
            model_name="payout",
            index=models.Index(
                condition=models.Q(("state__in", ("processing", "unknown"))),
                fields=["poll_at"],
                name="cashback_payout_poll_idx",
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        ["requested", "approved", "rejected", "processing", "unknown", "paid", "failed", "returned"],
                    )
                ),
                name="cashback_payout_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gt", 0)), name="cashback_payout_amount_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(("currency__regex", "^[A-Z]{3}$")), name="cashback_payout_currency"
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.UniqueConstraint(
                condition=models.Q(("provider_ref", ""), _negated=True),
                fields=("provider_ref",),
                name="cashback_payout_provider_ref",
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by", None),
                    models.Q(
                        models.Q(("approved_by", models.F("requested_by")), _negated=True),
                        models.Q(("approved_by", models.F("buyer")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="cashback_payout_second_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("approved_at", None), ("approved_by", None), ("state__in", ("requested", "rejected"))),
                    models.Q(
                        models.Q(("state__in", ("requested", "rejected")), _negated=True),
                        ("approved_at__isnull", False),
                        ("approved_by__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="cashback_payout_approved",
            ),
        ),
        grant(
            "cashback",
            {
                "operators": ["view_cashbackrule", "view_payout", "add_payout"],
                "finance": [
                    "view_cashbackrule",
                    "add_cashbackrule",
                    "change_cashbackrule",
                    "view_payout",
                    "add_payout",
                    "approve_payout",
                    "view_wallet",
                    "adjust_wallet",
                ],
            },
        ),
    ]
