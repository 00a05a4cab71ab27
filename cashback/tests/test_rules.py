"""Which rate a purchase gets."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from cashback.models import CashbackEvent, CashbackRule, Conversion, Network
from cashback.queries import Rates, rate_now
from cashback.services import track_order
from cashback.tests.conftest import Books
from cashback.tests.factories import import_lines, line
from orders.models import FlashSale, Offer
from orders.tests.factories import new_offer
from vouchers.tests.factories import new_paid_order

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
Make = Callable[..., CashbackRule]


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def rule(now: datetime) -> Make:
    """A rule of 10 % in force since an hour, for everything of ours unless told otherwise."""

    def make(**fields: Any) -> CashbackRule:
        return CashbackRule.objects.create(
            **{"name": "A rule", "basis_points": 1000, "valid_from": now - HOUR, **fields}
        )

    return make


def test_no_rule__the_offer_says_it(user: User, sale: FlashSale, now: datetime) -> None:
    [event] = track_order(order=new_paid_order(user, sale).public_id, at=now)

    assert (event.basis_points, event.rule, event.original_minor) == (500, None, 50)


def test_rule__replaces_the_offers_rate_and_is_kept_with_the_event(
    user: User, sale: FlashSale, now: datetime, rule: Make, broken: Books
) -> None:
    week = rule(hold_days=14)

    [event] = track_order(order=new_paid_order(user, sale).public_id, at=now)

    assert (event.basis_points, event.rule, event.original_minor) == (1000, week, 100)
    assert event.hold_until == now + timedelta(days=14)
    assert broken() == {}


def test_rule_without_a_hold__leaves_it_as_it_is(
    user: User, sale: FlashSale, now: datetime, rule: Make, settings: Settings
) -> None:
    settings.CASHBACK_HOLD_SECONDS = 60
    rule()

    [event] = track_order(order=new_paid_order(user, sale).public_id, at=now)

    assert event.hold_until == now + timedelta(seconds=60)


def test_edited_rule__changes_no_past_event(user: User, sale: FlashSale, now: datetime, rule: Make) -> None:
    week = rule()
    [event] = track_order(order=new_paid_order(user, sale).public_id, at=now)

    CashbackRule.objects.filter(pk=week.pk).update(basis_points=9000, valid_until=now)

    event.refresh_from_db()
    assert (event.basis_points, event.amount_minor, event.rule) == (1000, 100, week)


@pytest.mark.parametrize(("basis_points", "events"), [(0, 0), (1, 1)])
def test_rule_of_nothing__gives_none(
    user: User, sale: FlashSale, now: datetime, rule: Make, *, basis_points: int, events: int
) -> None:
    rule(basis_points=basis_points)

    assert len(track_order(order=new_paid_order(user, sale).public_id, at=now)) == events


Fields = Callable[[Offer, datetime], dict[str, Any]]
CASES: dict[str, tuple[list[Fields], int]] = {
    "over": ([lambda offer, now: {"valid_until": now}], 500),
    "not yet": ([lambda offer, now: {"valid_from": now + HOUR}], 500),
    "until later": ([lambda offer, now: {"valid_until": now + HOUR}], 1000),
    "another offer": ([lambda offer, now: {"offer": new_offer()}], 500),
    "this offer": ([lambda offer, now: {"offer": offer}], 1000),
    "this offer before all": (
        [lambda offer, now: {"offer": offer, "basis_points": 1}, lambda offer, now: {"valid_from": now}],
        1,
    ),
    "the latest begun": (
        [lambda offer, now: {"valid_from": now, "basis_points": 7}, lambda offer, now: {"valid_from": now - 2 * HOUR}],
        7,
    ),
    "a network's": ([lambda offer, now: {"network": Network.objects.all()[0]}], 500),
}


@pytest.mark.parametrize("case", CASES)
def test_rules__the_strongest_in_force_holds_and_is_shown(
    sale: FlashSale, now: datetime, rule: Make, case: str
) -> None:
    fields, expected = CASES[case]
    for each in fields:
        rule(**each(sale.offer, now))

    found = Rates.of_shop([sale.offer]).for_offer(sale.offer, at=now)
    shown = Offer.objects.annotate(rate=rate_now(now)).get(pk=sale.offer.pk)

    assert (found.basis_points, shown.rate) == (expected, expected)


def test_offer__is_shown_with_the_rate_of_now(api: APIClient, sale: FlashSale, rule: Make) -> None:
    path = f"/api/v1/offers/{sale.offer.public_id}"
    before = api.get(path).json()["cashback_basis_points"]

    rule(offer=sale.offer, basis_points=750)

    assert (before, api.get(path).json()["cashback_basis_points"]) == (500, 750)


def test_network_rule__holds_for_purchases_of_its_time(
    network: Network, rule: Make, tmp_path: Path, broken: Books, now: datetime
) -> None:
    december = datetime.fromisoformat("2010-12-02T00:00:00+00:00")
    promised = rule(network=network, valid_from=december, valid_until=december + 24 * HOUR, hold_days=90)

    import_lines(tmp_path, [line("1", at="2010-12-01 08:26:00"), line("2", at="2010-12-02 08:26:00")])

    rates = dict(CashbackEvent.objects.values_list("conversion__external_id", "basis_points"))
    assert rates == {"1": 500, "2": 1000}
    second = CashbackEvent.objects.get(rule=promised)
    assert second.hold_until == datetime.fromisoformat("2011-03-02T08:26:00+00:00")
    assert broken() == {}


def test_category__comes_before_the_network(network: Network, rule: Make, now: datetime) -> None:
    rule(network=network, valid_from=now)
    rule(network=network, category="shoes", basis_points=42)
    rates = Rates.of_network(network)

    found = {
        part: rates.for_purchase(Conversion(network=network, part=part, occurred_at=now)).basis_points
        for part in ("", "shoes", "hats")
    }

    assert found == {"": 1000, "shoes": 42, "hats": 1000}


@pytest.mark.parametrize(
    "fields",
    [
        {"basis_points": 10_001},
        {"valid_until": datetime.fromisoformat("2000-01-01T00:00:00+00:00")},
        {"category": "shoes"},
        {"network": True, "offer": True},
        {"hold_days": 4000},
    ],
    ids=["more than all", "over before it begins", "a category of ours", "both", "for ever"],
)
def test_senseless_rule__is_refused_by_the_database(network: Network, rule: Make, fields: dict[str, Any]) -> None:
    rows = {"network": network, "offer": new_offer()}
    with pytest.raises(IntegrityError, match="cashback_rule"), transaction.atomic():
        rule(**{name: rows.get(name, value) for name, value in fields.items()})
