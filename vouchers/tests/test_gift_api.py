"""Gifts over REST: given, followed, taken back, opened."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from coupon_site.models import IdempotencyRecord
from orders.gifts import GiftMode
from orders.models import GiftPolicy
from vouchers.links import gift_url, token_of
from vouchers.models import Gift, Voucher
from vouchers.tests.factories import claim, new_gift, new_voucher

pytestmark = pytest.mark.django_db
GIFTS = "/api/v1/gifts/"


def post(client: APIClient, path: str, body: object, *, key: str = "") -> Any:
    return client.post(path, body, headers={"Idempotency-Key": key or uuid4().hex})


@pytest.fixture
def giver(user: User, api_of: Callable[[User], APIClient]) -> APIClient:
    return api_of(user)


@pytest.fixture
def receiver(make_user: Callable[..., User], api_of: Callable[[User], APIClient]) -> APIClient:
    return api_of(make_user())


def wish(given: Voucher, **fields: object) -> dict[str, object]:
    return {"voucher": str(given.public_id), "mode": "link", **fields}


def test_given__answers_with_the_link_once(giver: APIClient, voucher: Voucher) -> None:
    body = wish(voucher, theme="wedding", message="Yes!", recipient_name="Ada")

    answer = post(giver, GIFTS, body, key="one")

    gift = Gift.objects.get()
    shown = answer.json()
    assert answer.status_code == 201
    assert shown["link"] == gift_url(gift)
    assert {name: shown[name] for name in ("id", "voucher", "state", "mode", "theme", "message", "recipient_name")} == {
        "id": str(gift.public_id),
        "voucher": str(voucher.public_id),
        "state": "sent",
        "mode": "link",
        "theme": "wedding",
        "message": "Yes!",
        "recipient_name": "Ada",
    }
    assert (shown["value_minor"], shown["currency"], shown["merchant"]["name"]) == (5000, "GBP", voucher.merchant.name)
    assert post(giver, GIFTS, body, key="one").json() == {**shown, "link": None}
    assert token_of(gift.seed) not in IdempotencyRecord.objects.get().response


@pytest.mark.parametrize("mode", ["email", "date"])
def test_mailed__shows_no_link(giver: APIClient, voucher: Voucher, mode: str) -> None:
    moment = {"deliver_at": (timezone.now() + timedelta(days=1)).isoformat()} if mode == "date" else {}

    answer = post(giver, GIFTS, wish(voucher, mode=mode, recipient_email="ada@example.com", **moment))

    assert (answer.status_code, answer.json()["link"], answer.json()["state"]) == (201, None, "scheduled")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"mode": "pigeon"}, "mode"),
        ({"theme": "funeral"}, "theme"),
        ({"mode": "email"}, "recipient_email"),
        ({"mode": "email", "recipient_email": "nobody"}, "recipient_email"),
        ({"recipient_email": "ada@example.com"}, "recipient_email"),
        ({"mode": "date"}, "deliver_at"),
        ({"deliver_at": "2999-01-01T00:00:00Z"}, "deliver_at"),
        ({"mode": "date", "deliver_at": "2020-01-01T00:00:00Z"}, "deliver_at"),
        ({"mode": "date", "deliver_at": "2999-01-01T00:00:00Z"}, "deliver_at"),
        ({"mode": "date", "deliver_at": "soon"}, "deliver_at"),
        ({"message": "x" * 501}, "message"),
        ({"recipient_name": "a\nb"}, "recipient_name"),
        ({"recipient_name": "x" * 81}, "recipient_name"),
        ({"voucher": "1"}, "voucher"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_wish_that_makes_no_sense__is_refused_by_name(
    giver: APIClient, voucher: Voucher, fields: dict[str, object], field: str
) -> None:
    answer = post(giver, GIFTS, wish(voucher, **fields))

    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not Gift.objects.exists()


def test_voucher_of_somebody_else__is_not_there(receiver: APIClient, voucher: Voucher) -> None:
    assert post(receiver, GIFTS, wish(voucher)).status_code == 404
    assert post(receiver, GIFTS, {"voucher": str(uuid4()), "mode": "link"}).status_code == 404


def test_refusals__have_their_codes(giver: APIClient, user: User, voucher: Voucher) -> None:
    own = new_voucher(user, gift_policy=GiftPolicy.FORBIDDEN)
    post(giver, GIFTS, wish(voucher))

    codes = [post(giver, GIFTS, wish(each)).json()["code"] for each in (own, voucher)]

    assert codes == ["not_giftable", "illegal_transition"]


def test_list__is_the_givers_own(giver: APIClient, receiver: APIClient, user: User) -> None:
    first, second = new_gift(user), new_gift(user, mode=GiftMode.DATE)

    listed = giver.get(GIFTS).json()["results"]

    assert [each["id"] for each in listed] == [str(second.public_id), str(first.public_id)]
    assert [each["id"] for each in giver.get(f"{GIFTS}?state=sent").json()["results"]] == [str(first.public_id)]
    assert giver.get(f"{GIFTS}{first.public_id}/").json() == listed[1]
    assert token_of(first.seed) not in str(listed)
    assert receiver.get(GIFTS).json()["results"] == []
    for action in ("", "revoke", "link"):
        method = receiver.post if action else receiver.get
        assert method(f"{GIFTS}{first.public_id}/{action}").status_code == 404
    assert APIClient().get(GIFTS).status_code == 401


def test_list__takes_a_constant_number_of_statements(
    giver: APIClient, user: User, django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        new_gift(user)

    with django_assert_max_num_queries(3):
        giver.get(GIFTS)


def test_taken_back__is_the_givers_again_and_only_while_closed(giver: APIClient, user: User, voucher: Voucher) -> None:
    gift = new_gift(user, voucher=voucher)

    answer = giver.post(f"{GIFTS}{gift.public_id}/revoke")

    assert (answer.status_code, answer.json()["state"]) == (200, "returned")
    assert giver.get(f"/api/v1/vouchers/{voucher.public_id}").json()["state"] == "active"
    again = giver.post(f"{GIFTS}{gift.public_id}/revoke")
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")


def test_new_link__opens_instead_of_the_old_one(giver: APIClient, receiver: APIClient, user: User) -> None:
    gift = new_gift(user)
    old = gift_url(gift)

    answer = giver.post(f"{GIFTS}{gift.public_id}/link")

    assert "no-store" in answer.headers["Cache-Control"]
    assert post(receiver, f"{GIFTS}claims/", {"token": old}).json()["code"] == "gift_unknown"
    assert post(receiver, f"{GIFTS}claims/", {"token": answer.json()["link"]}).status_code == 201


@pytest.mark.parametrize("path", [f"{GIFTS}claims/", f"{GIFTS}claims"])
def test_opened__is_the_callers_voucher(giver: APIClient, receiver: APIClient, user: User, path: str) -> None:
    gift = new_gift(user)

    answer = post(receiver, path, {"token": token_of(gift.seed)}, key="one")

    voucher = Voucher.objects.get()
    assert answer.status_code == 201
    assert (answer.json()["id"], answer.json()["code"]) == (str(voucher.public_id), voucher.code_in_groups)
    assert post(receiver, path, {"token": token_of(gift.seed)}, key="one").json() == answer.json()
    assert [each["id"] for each in receiver.get("/api/v1/vouchers/").json()["results"]] == [str(voucher.public_id)]
    assert giver.get("/api/v1/vouchers/").json()["results"] == []
    assert giver.get(f"/api/v1/vouchers/{voucher.public_id}").status_code == 404
    assert giver.get(f"{GIFTS}{gift.public_id}/").json()["state"] == "claimed"


def test_too_late_or_too_early__is_told_why(receiver: APIClient, user: User) -> None:
    opened, early = new_gift(user), new_gift(user, mode=GiftMode.DATE)
    claim(opened)

    def code(gift: Gift) -> tuple[int, str]:
        answer = post(receiver, f"{GIFTS}claims/", {"token": token_of(gift.seed)})
        return answer.status_code, answer.json()["code"]

    assert code(opened) == (409, "gift_already_claimed")
    assert code(early) == (409, "gift_not_ready")
    assert post(receiver, f"{GIFTS}claims/", {"token": "x" * 300}).json()["code"] == "gift_unknown"


def test_claim__needs_somebody_signed_in(user: User) -> None:
    gift = new_gift(user)

    assert post(APIClient(), f"{GIFTS}claims/", {"token": token_of(gift.seed)}).status_code == 401
    assert Gift.objects.get().state == "sent"
