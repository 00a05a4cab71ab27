"""Flags of the demo shop: one of each thing that flags can do, with a history and something that waits."""

from collections.abc import Callable
from datetime import datetime, timedelta

from accounts.models import User
from flags.choices import FlagKind, FlagSource, FlagType
from flags.models import Flag
from flags.services import change_flag, create_flag, plan_change, plan_ramp, write_segment

LONDON = {"field": "city", "operator": "IN", "values": ["London"], "case_insensitive": True}
STAFF = {"field": "isStaff", "operator": "IN", "values": ["true"]}


def make_demo_flags(*, owner: User, operator: User, at: datetime) -> None:
    """Flags that are there already stay as they are."""
    existing = set(Flag.objects.values_list("key", flat=True))
    for key, make in MAKERS.items():
        if key not in existing:
            make(key, owner, operator, at)


def express(key: str, owner: User, operator: User, at: datetime) -> None:
    """A release in the midst of its rollout: guarded, with the next steps planned."""
    write_segment(
        key="staff",
        patch={"description": "Whoever may sign in to the admin", "constraints": [STAFF]},
        actor=owner,
        source=FlagSource.ADMIN,
    )
    create_flag(
        key=key,
        actor=owner,
        source=FlagSource.ADMIN,
        reason="the new checkout is merged",
        description="Checkout on one page",
        owner="checkout team",
        tags=["checkout", "2026-q4"],
        client_visible=True,
        guard=["HighErrorRate", "SlowOrderProcessing"],
        prerequisites=[{"flag": "checkout.sales_open"}],
        rules=[{"id": "staff", "name": "We go first", "segments": ["staff"]}],
    )
    for percent, reason in ((0, "staff tries it"), (10, "no complaints"), (25, "error rate unchanged")):
        rules = [
            {"id": "staff", "name": "We go first", "segments": ["staff"]},
            {"id": "ramp", "name": "Ramp", "percent": percent},
        ]
        patch = {"enabled": True, "rules": rules}
        change_flag(key=key, patch=patch, actor=owner, source=FlagSource.ADMIN, reason=reason)
    steps = [(50, at + timedelta(days=1)), (100, at + timedelta(days=2))]
    plan_ramp(key=key, steps=steps, author=owner, reason="half, then all")


def banner(key: str, owner: User, operator: User, at: datetime) -> None:
    """An experiment with three texts."""
    create_flag(
        key=key,
        actor=operator,
        source=FlagSource.ADMIN,
        reason="which one sells more?",
        description="Text above the offers",
        owner="marketing",
        kind=FlagKind.EXPERIMENT,
        type=FlagType.STRING,
        enabled=True,
        client_visible=True,
        variants=[
            {"key": "plain", "value": ""},
            {"key": "warm", "value": "Treat somebody you like"},
            {"key": "quick", "value": "Gone in an hour"},
        ],
        on_variant="",
        on_split=[
            {"variant": "plain", "weight": 2},
            {"variant": "warm", "weight": 1},
            {"variant": "quick", "weight": 1},
        ],
        off_variant="plain",
        fallthrough_variant="plain",
        rules=[
            {"id": "london", "name": "London in a hurry", "constraints": [LONDON], "variant": "quick"},
            {"id": "rest"},
        ],
        review_at=at + timedelta(days=30),
    )


def resale(key: str, owner: User, operator: User, at: datetime) -> None:
    """Protected, off, and waiting for a second person."""
    create_flag(
        key=key,
        actor=owner,
        source=FlagSource.ADMIN,
        description="Gifts may be sold on",
        owner="legal",
        kind=FlagKind.PERMISSION,
        protected=True,
    )
    plan_change(
        key=key,
        patch={"enabled": True},
        run_at=at + timedelta(hours=12),
        author=operator,
        reason="terms are signed",
    )


def payouts(key: str, owner: User, operator: User, at: datetime) -> None:
    """A kill switch that is on for good."""
    create_flag(
        key=key,
        actor=owner,
        source=FlagSource.ADMIN,
        description="Payouts leave for the bank",
        owner="finance",
        kind=FlagKind.KILL_SWITCH,
        protected=True,
        enabled=True,
        guard=["WalletLedgerImbalance"],
    )


def limit(key: str, owner: User, operator: User, at: datetime) -> None:
    """A number, more of it for one shopper for a week."""
    shopper = User.objects.filter(is_staff=False).order_by("pk").first() or operator
    overrides = [
        {
            "subject": str(shopper.public_id),
            "variant": "more",
            "reason": "a company's party",
            "expires_at": at + timedelta(days=7),
        }
    ]
    create_flag(
        key=key,
        actor=operator,
        source=FlagSource.ADMIN,
        description="Units per order",
        kind=FlagKind.OPERATIONAL,
        type=FlagType.NUMBER,
        enabled=True,
        client_visible=True,
        variants=[{"key": "usual", "value": 10}, {"key": "more", "value": 50}],
        on_variant="usual",
        off_variant="",
        fallthrough_variant="usual",
        overrides=overrides,
    )


def greeting(key: str, owner: User, operator: User, at: datetime) -> None:
    """Forgotten: everybody has it, and nobody took it out of the code."""
    create_flag(
        key=key,
        actor=operator,
        source=FlagSource.ADMIN,
        description="A card with the gift",
        owner="gifts team",
        enabled=True,
        review_at=at - timedelta(days=20),
    )


MAKERS: dict[str, Callable[[str, User, User, datetime], None]] = {
    "checkout.express": express,
    "shop.banner": banner,
    "gifts.resale": resale,
    "wallet.payouts": payouts,
    "orders.units_per_order": limit,
    "gifts.greeting_card": greeting,
}
