"""The page that whoever has its link may see."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from orders.tests.factories import new_merchant
from vouchers.codes import new_code
from vouchers.links import page_path, page_token, page_url, voucher_of_link
from vouchers.models import Voucher, VoucherState
from vouchers.tests.factories import accepted, new_till, new_voucher

pytestmark = pytest.mark.django_db


def page_of(client: Client, voucher: Voucher) -> str:
    answer = client.get(page_path(voucher))
    assert answer.status_code == 200
    return answer.content.decode()


def test_link__shows_value_currency_code_and_picture(
    client: Client, user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    voucher = new_voucher(user, value_minor=123450, currency="EUR", merchant=new_merchant(name="Bistro <Nord>"))

    with django_assert_num_queries(1):
        page = page_of(client, voucher)

    assert "EUR 1,234.50" in page
    assert "Bistro &lt;Nord&gt;" in page
    assert "Dinner for two" in page
    assert voucher.code_in_groups in page
    assert "<svg" in page
    assert "Ready to use" in page
    assert user.email not in page


def test_zone_of_several_words__is_written_for_people(client: Client, user: User) -> None:
    voucher = new_voucher(user, merchant=new_merchant(timezone="America/New_York"))

    assert "America/New York time" in page_of(client, voucher)


def test_last_day__is_named_with_the_merchants_zone(client: Client, user: User) -> None:
    zone = new_merchant(timezone="Pacific/Auckland")
    at = datetime(2035, 6, 1, 13, tzinfo=UTC)  # there, it is the second already

    page = page_of(client, new_voucher(user, merchant=zone, valid_days=1, at=at))

    assert "Sunday, 3 June 2035" in page
    assert "Pacific/Auckland time" in page


def test_link__works_for_nobody_else_and_is_kept_by_nobody(client: Client, voucher: Voucher) -> None:
    answer = client.get(page_path(voucher))

    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert client.head(page_path(voucher)).status_code == 200
    assert client.post(page_path(voucher)).status_code == 405


def test_full_address__is_on_this_site(voucher: Voucher, settings: Settings) -> None:
    settings.SITE_URL = "https://shop.example"

    assert page_url(voucher) == f"https://shop.example{page_path(voucher)}"


def test_tampered_link__is_not_found_and_shows_nothing(client: Client, voucher: Voucher, user: User) -> None:
    other = new_voucher(user)
    token = page_path(voucher).split("/")[2]
    name, _, signature = token.partition(":")
    forged = [
        name,
        f"{name}:",
        f"{name}:{signature[:-1]}",
        f"{name}:{signature.swapcase()}",
        f"{other.public_id.hex}:{signature}",
        f":{signature}",
        str(voucher.public_id),
        voucher.code,
        "x" * 500,
    ]

    for token in forged:
        answer = client.get(f"/vouchers/{token}/")
        assert answer.status_code == 404, token
        assert voucher.code_in_groups not in answer.content.decode()
        assert "No voucher here" in answer.content.decode()
        assert answer.headers["Cache-Control"] == "private, no-store"


def test_link_to_an_old_code__names_nothing(client: Client, voucher: Voucher, settings: Settings) -> None:
    token = page_token(voucher)
    assert voucher_of_link(token) == voucher

    settings.SECRET_KEY = "another"
    assert voucher_of_link(token) is None

    Voucher.objects.update(code=new_code())
    settings.SECRET_KEY = "one"
    assert voucher_of_link(token) is None


def test_link_of_a_voucher_that_is_gone__is_not_found(client: Client, voucher: Voucher) -> None:
    path = page_path(voucher)
    Voucher.objects.all().delete()

    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("state", "label", "hint"),
    [
        (VoucherState.CANCELLED, "Cancelled", "can no longer be used"),
        (VoucherState.EXPIRED, "Expired", "can no longer be used"),
        (VoucherState.GIFT_LOCKED, "Locked for a gift", "appears when the gift is claimed"),
    ],
)
def test_voucher_that_can_not_be_used__shows_no_code(
    client: Client, user: User, state: VoucherState, label: str, hint: str
) -> None:
    voucher = new_voucher(user, state=state)

    page = page_of(client, voucher)

    assert label in page
    assert hint in page
    assert voucher.code not in page
    assert voucher.code_in_groups not in page
    assert "<svg" not in page


def test_voucher_over_but_not_swept__shows_no_code(client: Client, voucher: Voucher) -> None:
    Voucher.objects.update(expires_at=timezone.now())

    page = page_of(client, voucher)

    assert "Expired" in page
    assert voucher.code_in_groups not in page
    assert "<svg" not in page


def test_used_voucher__shows_its_code_but_no_picture(client: Client, user: User) -> None:
    voucher = new_voucher(user, state=VoucherState.REDEEMED)

    page = page_of(client, voucher)

    assert "Redeemed" in page
    assert "This voucher was used." in page
    assert voucher.code_in_groups in page
    assert "<svg" not in page
    assert "Show this at the till" not in page


def test_voucher_that_has_to_wait__says_until_when(client: Client, user: User) -> None:
    zone = new_merchant(timezone="Pacific/Auckland")
    start = datetime(2035, 6, 1, 13, tzinfo=UTC)

    page = page_of(client, new_voucher(user, merchant=zone, valid_from=start, valid_days=9000))

    assert "Not valid yet" in page
    assert "It can't be used yet." in page
    assert "Saturday, 2 June 2035" in page
    assert "Ready to use" not in page


def test_uses_left__are_shown_where_there_are_several(client: Client, user: User, voucher: Voucher) -> None:
    several = new_voucher(user, uses_per_voucher=3)
    accepted(new_till(several.merchant), several, at=timezone.now() + timedelta(seconds=1))

    assert "2 of 3" in page_of(client, several)
    assert "Uses left" not in page_of(client, voucher)
