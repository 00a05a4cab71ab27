"""What operators see of gifts and do about them."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from coupon_site.models import StateChange
from events.models import OutboxMessage
from orders.gifts import GiftMode
from vouchers.links import token_of
from vouchers.models import Gift, Voucher
from vouchers.tests.factories import accepted, claim, new_gift, new_till

pytestmark = pytest.mark.django_db

GIFTS = "/admin/vouchers/gift/"


@pytest.fixture
def desk(operator: User, client: Client) -> Client:
    client.force_login(operator)
    return client


def act(desk: Client, action: str, *gifts: Gift) -> list[str]:
    answer: Any = desk.post(
        GIFTS, {"action": action, "_selected_action": [gift.pk for gift in gifts], "confirmed": "yes"}
    )
    return [str(message) for message in get_messages(answer.wsgi_request)]


def test_list_and_page__show_the_gift_with_its_history_and_without_its_token(desk: Client, user: User) -> None:
    gift = new_gift(user, theme="wedding", message="Yes!", recipient_name="Ada")
    claim(gift)

    listed, page = desk.get(GIFTS).content.decode(), desk.get(f"{GIFTS}{gift.pk}/change/").content.decode()

    for text in ("Wedding", "Claimed", "GBP 50.00", user.email, "Ada"):
        assert text in listed
    for text in ("Yes!", "opened by its link", str(gift.public_id)):
        assert text in page
    for secret in (gift.seed, token_of(gift.seed), gift.token_hash):
        assert secret not in listed + page


def test_longer_list__costs_no_more_statements(desk: Client, user: User) -> None:
    new_gift(user)
    desk.get(GIFTS)
    with CaptureQueriesContext(connection) as one:
        desk.get(GIFTS)
    new_gift(user)
    claim(new_gift(user), claimer=user)

    with CaptureQueriesContext(connection) as three:
        desk.get(GIFTS)

    assert len(three) == len(one)


def test_revoke__returns_in_the_operators_name_and_says_what_it_could_not(
    desk: Client, user: User, operator: User
) -> None:
    closed, opened = new_gift(user), new_gift(user)
    claim(opened)

    said = act(desk, "revoke_selected", closed, opened)

    closed.refresh_from_db()
    assert closed.state == "returned"
    assert StateChange.objects.get(to_state="revoked").actor == operator
    assert sorted(said) == sorted(["1 revoked.", f"{opened.public_id}: gift is claimed, it can't become revoked"])


def test_mail_again__asks_for_the_mail_once_more(desk: Client, user: User) -> None:
    mailed, link = new_gift(user, mode=GiftMode.EMAIL), new_gift(user)

    said = act(desk, "mail_selected", mailed, link)

    assert OutboxMessage.objects.filter(handler__endswith="mail_gift").count() == 2
    assert sorted(said) == sorted(["1 on their way.", f"{link.public_id}: The gift has no mail to send again"])


def test_finance__may_look_only(client: Client, make_user, user: User) -> None:
    gift = new_gift(user)
    client.force_login(make_user(groups=["finance"], is_staff=True))

    act(client, "revoke_selected", gift)

    assert client.get(GIFTS).status_code == 200
    assert Gift.objects.get().state == "sent"


def test_page_of_a_voucher__shows_its_gifts_and_uses(desk: Client, user: User) -> None:
    gift = new_gift(user)
    claim(gift)
    till = new_till(gift.voucher.merchant)
    accepted(till, Voucher.objects.get())

    page = desk.get(f"/admin/vouchers/voucher/{gift.voucher_id}/change/").content.decode()

    assert str(gift.public_id) in page
    assert till.name in page
