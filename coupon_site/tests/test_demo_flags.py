"""Flags of the demo shop show what flags can do."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from coupon_site.management.commands.setup_demo import OPERATOR_EMAIL
from coupon_site.management.demo_flags import MAKERS, make_demo_flags
from flags.choices import FlagSource, PlanState, StaleReason
from flags.models import FlagChange, FlagSet, PlannedChange
from flags.services import approve_plan, create_flag, run_planned_changes
from flags.staleness import stale_flags

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def test_demo_flags__are_made_once_with_plans_history_and_a_stale_one(make_user: Callable[..., User]) -> None:
    owner, operator = make_user(is_staff=True), make_user(is_staff=True)
    create_flag(key="checkout.sales_open", enabled=True, actor=None, source=FlagSource.COMMAND)

    for _ in range(2):
        make_demo_flags(owner=owner, operator=operator, at=NOW)

    assert FlagSet.objects.get().version == FlagChange.objects.count()
    assert FlagChange.objects.filter(flag__key="checkout.express").count() == 4
    assert {stale.flag.key: stale.reasons for stale in stale_flags(NOW)} == {
        "gifts.greeting_card": (StaleReason.REVIEW,)
    }
    waiting = PlannedChange.objects.get(state=PlanState.PROPOSED)
    approve_plan(plan=waiting, approver=owner, at=NOW)
    assert run_planned_changes(at=NOW + timedelta(days=3)) == 3
    assert set(MAKERS) <= set(FlagChange.objects.values_list("flag__key", flat=True))


def test_setup_demo_twice__makes_one_shop(settings: Settings) -> None:
    settings.LOCAL = True

    for _ in range(2):
        call_command("setup_demo", stock=5, stdout=StringIO())

    assert FlagChange.objects.filter(flag__key="checkout.express").count() == 4
    assert PlannedChange.objects.count() == 3
    operator = User.objects.get(email=OPERATOR_EMAIL)
    assert operator.has_perm("flags.approve_plannedchange")
