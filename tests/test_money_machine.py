"""Everything that can happen to money, in any order: after each step the books agree with themselves and a model."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, Phase, seed
from hypothesis import settings as bounds
from hypothesis.stateful import run_state_machine_as_test
from pytest_django import Settings

from cashback.models import Network
from cashback.providers import SandboxBank
from conftest import MakeUser
from orders.tests.factories import new_offer, new_sale
from payments.providers.sandbox import SandboxProvider
from tests.machine.books import Books
from tests.machine.machine import MoneyMachine
from tests.machine.shop import NOON, STEPS, Shop, World, now
from vouchers.tests.factories import new_till

PARTS, EXAMPLES = 4, 20


@pytest.fixture(autouse=True)
def _house(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bank on paper, a clock that the machine moves, nothing that is too young to be checked or too small."""
    settings.RECONCILE_GRACE_SECONDS = 0
    settings.CASHBACK_REVERSAL_DEPTH_MINOR = 30
    settings.PAYOUT_MINIMUM_MINOR = 1
    for adapter in (SandboxProvider, SandboxBank):
        monkeypatch.setattr(adapter, "call", lambda self, *asked: Shop.open_now.bank.call(*asked))
    monkeypatch.setattr(timezone, "now", now)
    monkeypatch.setattr(logging.root.manager, "disable", logging.ERROR)  # thousands of refusals


@pytest.fixture
def world(make_user: MakeUser, tmp_path: Path) -> Iterator[World]:
    """Two customers, two of the staff, three sales of one merchant, two tills."""
    books = Books()
    first = new_offer(cashback_basis_points=333, uses_per_voucher=2, valid_days=30)
    merchant = first.merchant
    others = [new_offer(merchant=merchant, cashback_basis_points=points) for points in (0, 1250)]
    terms = {"starts_at": NOON - timedelta(days=1), "ends_at": NOON + timedelta(days=100), "per_buyer_limit": 6}
    sales = [
        new_sale(offer=offer, stock=stock, price_minor=price, **terms)
        for offer, stock, price in zip([first, *others], (8, 3, 12), (999, 1450, 20), strict=True)
    ]
    people = [make_user() for _ in range(4)]
    tills = [new_till(merchant) for _ in range(2)]
    yield World(people[:2], people[2:], sales, tills, Network.objects.get(slug="online-retail"), tmp_path, books)
    books.close()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_happens__the_books_agree(part: int, world: World) -> None:
    machine = type("Machine", (MoneyMachine,), {"world": world})

    # Some examples are cut short by Hypothesis, which counts them all the same.
    for number in count(part, PARTS):
        run_state_machine_as_test(seed(number)(machine), settings=limits(EXAMPLES - machine.whole_days))
        if machine.whole_days >= EXAMPLES:
            break


def limits(examples: int) -> bounds:
    return bounds(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
