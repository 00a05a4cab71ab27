"""Setting up what is for sale."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import User
from orders.errors import SaleClosed, StockTaken
from orders.models import FlashSale, Merchant
from orders.services import (
    add_stock,
    close_sale,
    create_merchant,
    create_offer,
    open_sale,
    set_members,
    update_merchant,
    update_offer,
)
from orders.tests.factories import new_merchant, new_offer, new_order, new_sale

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)


def test_new_merchant__has_a_zone() -> None:
    merchant = create_merchant(name="Bistro", timezone="Europe/Berlin")

    assert (merchant.name, merchant.timezone) == ("Bistro", "Europe/Berlin")


@pytest.mark.parametrize("fields", [{"timezone": "Mars/Olympus"}, {"name": ""}, {"name": "x" * 121}])
def test_merchant_that_can_not_be__is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as refusal:
        create_merchant(**{"name": "Bistro", **fields})

    assert set(refusal.value.message_dict) == set(fields)
    assert not Merchant.objects.exists()


def test_name_taken__is_refused() -> None:
    create_merchant(name="Bistro")

    with pytest.raises(ValidationError):
        create_merchant(name="Bistro")


def test_changed_merchant__keeps_the_rest() -> None:
    merchant = new_merchant(timezone="Europe/Berlin")

    update_merchant(merchant=merchant, name="Trattoria")

    merchant.refresh_from_db()
    assert (merchant.name, merchant.timezone) == ("Trattoria", "Europe/Berlin")


def test_members__see_their_merchant_only(user: User, operator: User) -> None:
    own, other = new_merchant(), new_merchant()
    set_members(merchant=own, members=[user])

    assert list(Merchant.objects.visible_to(user)) == [own]
    assert list(Merchant.objects.visible_to(operator).order_by("id")) == [own, other]


def test_new_offer__is_sold_by_an_open_ended_sale(user: User) -> None:
    offer = new_offer(stock=50, per_buyer_limit=3, price_minor=3000)

    sale = offer.sales.get()
    assert (sale.ends_at, sale.price_minor, sale.per_buyer_limit, sale.title) == (None, 3000, 3, offer.title)
    assert sale.stock.get().total == 50
    assert new_order(user, sale).total_minor == 3000


def test_offer_without_stock__is_sold_in_flash_sales_only() -> None:
    assert not new_offer(stock=0).sales.exists()


@pytest.mark.parametrize(
    "terms",
    [
        {"value_minor": 0},
        {"price_minor": -1},
        {"currency": "pounds"},
        {"currency": "gbp"},
        {"cashback_basis_points": 10_001},
        {"uses_per_voucher": 0},
        {"gift_policy": "perhaps"},
    ],
)
def test_offer_that_can_not_be__is_refused(terms: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        new_offer(**terms)


def test_changed_price__is_followed_by_the_ordinary_sale_alone(user: User) -> None:
    offer = new_offer(stock=5, price_minor=3000)
    flash = new_sale(offer=offer, price_minor=1000)
    before = new_order(user, offer.sales.get(ends_at=None))

    update_offer(offer=offer, price_minor=2500)

    flash.refresh_from_db()
    assert offer.sales.get(ends_at=None).price_minor == 2500
    assert flash.price_minor == 1000
    assert before.lines.get().unit_minor == 3000


def test_second_open_ended_sale__is_refused() -> None:
    offer = new_offer(stock=5)

    with pytest.raises(ValidationError):
        open_sale(offer=offer, stock=5, starts_at=NOW, price_minor=1)


def test_sale_that_ends_before_it_starts__is_refused() -> None:
    with pytest.raises(ValidationError):
        new_sale(starts_at=NOW, ends_at=NOW)


def test_stock__is_spread_over_buckets_without_a_loss() -> None:
    sale = new_sale(stock=11, buckets=4)

    assert [bucket.total for bucket in sale.stock.order_by("bucket")] == [3, 3, 3, 2]


def test_closed_sale__is_over_for_good(sale: FlashSale) -> None:
    close_sale(sale=sale, at=timezone.now())

    sale.refresh_from_db()
    assert not sale.is_open(timezone.now())
    with pytest.raises(SaleClosed):
        close_sale(sale=sale, at=timezone.now())


@pytest.mark.parametrize(("quantity", "total"), [(5, 15), (-8, 2)])
def test_more_or_fewer_units__change_the_total(user: User, sale: FlashSale, quantity: int, total: int) -> None:
    new_order(user, sale, quantity=2)

    add_stock(sale=sale, quantity=quantity)

    assert sale.stock.get().total == total


@pytest.mark.parametrize(("quantity", "totals"), [(5, [4, 5, 6]), (-7, [0, 0, 3]), (-1, [2, 3, 4])], ids=str)
def test_units_in_several_buckets__are_spread(user: User, quantity: int, totals: list[int]) -> None:
    sale = new_sale(stock=10, buckets=3)
    new_order(user, sale, quantity=2)

    add_stock(sale=sale, quantity=quantity)

    assert sorted(bucket.total for bucket in sale.stock.all()) == totals
    assert all(bucket.available >= 0 for bucket in sale.stock.all())


def test_units_that_somebody_has__can_not_be_taken_away(user: User, sale: FlashSale) -> None:
    new_order(user, sale, quantity=2)

    with pytest.raises(StockTaken) as refusal:
        add_stock(sale=sale, quantity=-9)

    assert refusal.value.context == {"available": 8}
    assert sale.stock.get().total == 10


@pytest.mark.parametrize(
    ("terms", "expiry"),
    [
        # The last day ends at midnight in the merchant's zone, summer time included.
        ({"valid_days": 1}, datetime(2026, 3, 29, 22, tzinfo=UTC)),
        ({"valid_days": 365}, datetime(2027, 3, 28, 22, tzinfo=UTC)),
        ({"valid_days": 365, "last_date": date(2026, 3, 28)}, datetime(2026, 3, 28, 23, tzinfo=UTC)),
        ({"valid_days": 1, "last_date": date(2026, 12, 31)}, datetime(2026, 3, 29, 22, tzinfo=UTC)),
    ],
)
def test_vouchers__end_with_a_day_of_the_merchant(terms: dict[str, object], expiry: datetime) -> None:
    offer = new_offer(merchant=new_merchant(timezone="Europe/Berlin"), **terms)

    assert offer.voucher_expiry(NOW) == expiry


def test_day_of_issue__is_the_merchants_day() -> None:
    offer = new_offer(merchant=new_merchant(timezone="Pacific/Auckland"), valid_days=1)

    # Noon UTC is already the 29th in Auckland.
    assert offer.voucher_expiry(NOW) == datetime(2026, 3, 30, 11, tzinfo=UTC)


def test_offer_made_at_an_instant__is_sold_from_then_on() -> None:
    offer = create_offer(
        at=NOW, stock=1, merchant=new_merchant(), title="Tea", value_minor=300, price_minor=200, currency="EUR"
    )

    sale = offer.sales.get()
    assert sale.is_open(NOW)
    assert not sale.is_open(NOW - timedelta(seconds=1))
