"""The page at a gift's secret link."""

import re

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from orders.gifts import GiftMode, GiftTheme
from orders.tests.factories import new_merchant
from vouchers.letters import PICTURES
from vouchers.links import gift_path, page_path, token_of
from vouchers.models import Gift, Voucher
from vouchers.services import expire_gifts, revoke_gift
from vouchers.tests.factories import claim, new_gift, new_voucher
from vouchers.throttles import GiftThrottle

pytestmark = pytest.mark.django_db


def path_of(gift: Gift) -> str:
    return gift_path(token_of(gift.seed))


def words(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_closed_gift__shows_who_what_and_until_when(
    client: Client, user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    user.name = "Grace <Hopper>"
    user.save(update_fields=["name"])
    voucher = new_voucher(user, merchant=new_merchant(name="Bistro & Bar", timezone="America/New_York"))
    gift = new_gift(user, voucher=voucher, theme="birthday", message="All the <best>!", recipient_name="Ada")

    with django_assert_num_queries(1):
        answer = client.get(path_of(gift))

    page = answer.content.decode()
    assert answer.status_code == 200
    for text in (
        "For Ada",
        "A gift from Grace &lt;Hopper&gt;",
        "All the &lt;best&gt;!",
        "GBP 50.00",
        "Dinner for two",
        "Bistro &amp; Bar",
        "America/New York time",
        "birthday.svg",
        'data-theme="birthday"',
    ):
        assert text in page
    assert voucher.code not in page
    assert voucher.code_in_groups not in page
    assert user.email not in page


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking__opens_nothing_and_is_kept_by_nobody(client: Client, user: User, method: str) -> None:
    gift = new_gift(user)

    answer = getattr(client, method)(path_of(gift))

    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert Gift.objects.get().state == "sent"


def test_button__opens_it_and_leads_to_the_voucher(client: Client, user: User) -> None:
    gift = new_gift(user)

    answer = client.post(path_of(gift))

    voucher = Voucher.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (303, page_path(voucher))
    assert voucher.owner is None
    assert voucher.code_in_groups in client.get(page_path(voucher)).content.decode()


def test_button_on_another_site__opens_nothing(user: User) -> None:
    gift = new_gift(user)

    answer = Client(enforce_csrf_checks=True).post(path_of(gift))

    assert answer.status_code == 403
    assert Gift.objects.get().state == "sent"


def test_somebody_signed_in__owns_it(client: Client, user: User, make_user) -> None:
    receiver = make_user()
    client.force_login(receiver)

    client.post(path_of(new_gift(user)))

    assert Voucher.objects.get().owner == receiver


def test_opened_before__is_told_to_others_and_a_click_away_for_the_receiver(client: Client, user: User) -> None:
    gift = new_gift(user)
    client.post(path_of(gift))
    link = page_path(Voucher.objects.get())

    stranger, receiver = Client().get(path_of(gift)), client.get(path_of(gift))

    assert "Somebody has opened it already" in words(stranger)
    assert link not in stranger.content.decode()
    assert "It is yours" in words(receiver)
    assert link in receiver.content.decode()


def test_given_on__leads_its_first_receiver_nowhere(client: Client, user: User, make_user) -> None:
    first = make_user()
    client.force_login(first)
    gift = new_gift(user)
    client.post(path_of(gift))
    claim(new_gift(first, voucher=Voucher.objects.select_related("offer", "merchant").get()))

    page = client.get(path_of(gift)).content.decode()

    assert "/vouchers/" not in page.replace("/static/vouchers/", "")


def test_second_click__is_told_so_and_changes_nothing(client: Client, user: User) -> None:
    gift = new_gift(user)
    claim(gift)
    code = Voucher.objects.get().code

    answer = client.post(path_of(gift))

    assert answer.status_code == 409
    assert "opened it already" in words(answer)
    assert Voucher.objects.get().code == code


def test_later_date__says_when(client: Client, user: User) -> None:
    voucher = new_voucher(user, merchant=new_merchant(timezone="Europe/Rome"))
    day = timezone.now().replace(month=12, day=24, hour=17, minute=0) if timezone.now().month < 12 else None
    gift = new_gift(user, voucher=voucher, mode=GiftMode.DATE, **({"deliver_at": day} if day else {}))

    answer = client.get(path_of(gift))

    assert "Not yet!" in words(answer)
    assert f"at {gift.deliver_at.astimezone(voucher.merchant.zone):%H:%M} (Europe/Rome time)" in words(answer)
    assert "<form" not in answer.content.decode()
    assert client.post(path_of(gift)).status_code == 409


def test_taken_back__is_told_so(client: Client, user: User) -> None:
    gift = new_gift(user)
    revoke_gift(gift=gift, at=timezone.now())

    answer = client.post(path_of(gift))

    assert answer.status_code == 409
    assert "has called it off before it was opened" in words(answer)


@pytest.mark.parametrize("swept", [True, False])
def test_too_late__is_told_so(client: Client, user: User, swept: bool) -> None:
    gift = new_gift(user)
    Gift.objects.update(expires_at=timezone.now())
    if swept:
        expire_gifts(at=timezone.now())

    answer = client.post(path_of(gift))

    assert answer.status_code == 409
    assert "went back to" in words(answer)
    assert "<form" not in answer.content.decode()


@pytest.mark.parametrize("token", ["x", "x" * 43, "-" * 2000, "%C3%A9", "a b"])
def test_link_that_is_none__is_not_found(client: Client, user: User, token: str) -> None:
    new_gift(user)

    for answer in (client.get(f"/gifts/{token}"), client.post(f"/gifts/{token}")):
        assert answer.status_code == 404
        assert "No gift here" in words(answer)
        assert answer.headers["Cache-Control"] == "private, no-store"


def test_other_methods__are_refused(client: Client, user: User) -> None:
    assert client.put(path_of(new_gift(user))).status_code == 405


def test_somebody_who_tries_links__has_to_wait(client: Client, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = {**settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "gift": "2/min"}
    monkeypatch.setattr(GiftThrottle, "THROTTLE_RATES", rates)
    gift = new_gift(user)
    for _ in range(2):
        client.get("/gifts/x")

    answer = client.post(path_of(gift))

    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert "One moment" in words(answer)
    assert Gift.objects.get().state == "sent"


def test_every_theme__has_its_pictures() -> None:
    for theme in GiftTheme.values:
        assert (PICTURES / f"{theme}.svg").exists()
        assert (PICTURES / f"{theme}.png").read_bytes().startswith(b"\x89PNG")
