"""What customers and operators see of vouchers by REST."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from conftest import MakeUser
from coupon_site.models import IdempotencyRecord
from orders.tests.factories import new_merchant
from vouchers.links import page_url
from vouchers.models import ScannerDevice, Voucher, VoucherState
from vouchers.queries import device_of_key
from vouchers.tests.factories import new_till, new_voucher, new_vouchers

pytestmark = pytest.mark.django_db
ApiOf = Callable[[User], APIClient]


@pytest.fixture
def owner(user: User, api_of: ApiOf) -> APIClient:
    return api_of(user)


@pytest.fixture
def staff(operator: User, api_of: ApiOf) -> APIClient:
    return api_of(operator)


def refusal(answer: Any) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["detail"]
    return answer.status_code, body["code"]


def post(client: APIClient, path: str, body: object, key: str | None = "") -> Any:
    """POST with a key of its own, the given one, or (None) without."""
    headers = {} if key is None else {"Idempotency-Key": key or str(uuid4())}
    return client.post(path, body, headers=headers)


# --- a customer's vouchers ---


def test_own_voucher__is_shown_with_its_code(owner: APIClient, voucher: Voucher) -> None:
    [shown] = owner.get("/api/v1/vouchers/").json()["results"]

    assert shown == {
        "id": str(voucher.public_id),
        "order": str(voucher.line.order.public_id),
        "title": "Dinner for two",
        "merchant": shown["merchant"],
        "value_minor": 5000,
        "currency": "GBP",
        "code": voucher.code_in_groups,
        "state": "active",
        "uses_total": 1,
        "uses_done": 0,
        "valid_from": shown["valid_from"],
        "expires_at": shown["expires_at"],
        "page_url": page_url(voucher),
        "created_at": shown["created_at"],
    }
    assert shown["merchant"]["id"] == str(voucher.merchant.public_id)
    assert shown["expires_at"] == voucher.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert owner.get(f"/api/v1/vouchers/{voucher.public_id}").json() == shown


def test_vouchers_of_others__are_not_there_even_for_operators(
    owner: APIClient, staff: APIClient, voucher: Voucher, make_user: MakeUser
) -> None:
    foreign = new_voucher(make_user())
    path = f"/api/v1/vouchers/{foreign.public_id}"

    assert [row["id"] for row in owner.get("/api/v1/vouchers/").json()["results"]] == [str(voucher.public_id)]
    assert staff.get("/api/v1/vouchers/").json()["results"] == []
    for client in (owner, staff):
        assert refusal(client.get(path)) == (404, "not_found")
        assert refusal(client.get(f"{path}/code")) == (404, "not_found")


@pytest.mark.parametrize(
    "garbage", ["1", "x" * 300, "0190b3c2-7d6e-7000-8000-00000000000g", "0190b3c2-7d6e-7000-8000-000000000001"]
)
def test_id_that_is_none__is_not_found(owner: APIClient, staff: APIClient, garbage: str) -> None:
    assert refusal(owner.get(f"/api/v1/vouchers/{garbage}")) == (404, "not_found")
    assert refusal(owner.get(f"/api/v1/vouchers/{garbage}/code")) == (404, "not_found")
    assert refusal(staff.get(f"/api/v1/devices/{garbage}")) == (404, "not_found")


@pytest.mark.parametrize("path", ["", "{id}", "{id}/code"])
def test_nobody__sees_nothing(api: APIClient, voucher: Voucher, path: str) -> None:
    answer = api.get("/api/v1/vouchers/" + path.format(id=voucher.public_id))

    assert refusal(answer) == (401, "not_authenticated")


def test_voucher_given_away__hides_its_code(owner: APIClient, user: User) -> None:
    voucher = new_voucher(user, state=VoucherState.GIFT_LOCKED)
    path = f"/api/v1/vouchers/{voucher.public_id}"

    assert (owner.get(path).json()["code"], owner.get(path).json()["state"]) == (None, "gift_locked")
    assert refusal(owner.get(f"{path}/code")) == (409, "gift_locked")


def test_filter__chooses_by_state_and_refuses_unknown_ones(owner: APIClient, user: User, voucher: Voucher) -> None:
    expired = new_voucher(user, state=VoucherState.EXPIRED)

    [shown] = owner.get("/api/v1/vouchers/?state=expired").json()["results"]

    assert shown["id"] == str(expired.public_id)
    assert refusal(owner.get("/api/v1/vouchers/?state=lost")) == (400, "invalid")


def test_more_vouchers__cost_no_more_statements_and_come_in_pages(
    owner: APIClient, user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    vouchers = [*new_vouchers(user, quantity=3), new_voucher(user)]

    # The token, the vouchers.
    with django_assert_num_queries(2):
        first = owner.get("/api/v1/vouchers/?page_size=3").json()
    second = owner.get(first["next"]).json()

    ids = [row["id"] for row in first["results"] + second["results"]]
    assert ids == [str(voucher.public_id) for voucher in reversed(vouchers)]
    assert second["next"] is None


# --- the code as a picture ---

PICTURES = [
    ("", "image/svg+xml", b"<?xml"),
    ("?format=svg", "image/svg+xml", b"<?xml"),
    ("?format=png", "image/png", b"\x89PNG\r\n"),
    ("?format=pdf", "application/pdf", b"%PDF-"),
]


@pytest.mark.parametrize("case", PICTURES)
def test_code__is_a_picture_that_no_cache_keeps(
    owner: APIClient,
    voucher: Voucher,
    case: tuple[str, str, bytes],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    query, media_type, start = case

    with django_assert_num_queries(2):
        answer = owner.get(f"/api/v1/vouchers/{voucher.public_id}/code{query}")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.content.startswith(start)


def test_code__comes_as_the_client_accepts_it(owner: APIClient, voucher: Voucher) -> None:
    path = f"/api/v1/vouchers/{voucher.public_id}/code"

    assert owner.get(path, headers={"Accept": "image/png"}).headers["Content-Type"] == "image/png"
    assert refusal(owner.get(path, headers={"Accept": "application/json"})) == (406, "not_acceptable")
    assert refusal(owner.get(f"{path}?format=gif")) == (404, "not_found")


def test_codes_of_two_vouchers__differ_as_pictures(owner: APIClient, user: User) -> None:
    one, two = new_vouchers(user, quantity=2)
    paths = [f"/api/v1/vouchers/{voucher.public_id}/code?format=png" for voucher in (one, one, two)]

    first, again, other = (owner.get(path).content for path in paths)

    assert first == again != other


def test_cancelled_voucher__has_no_picture(owner: APIClient, user: User) -> None:
    voucher = new_voucher(user, state=VoucherState.CANCELLED)

    answer = owner.get(f"/api/v1/vouchers/{voucher.public_id}/code")

    assert refusal(answer) == (409, "voucher_cancelled")


# --- tills, for operators ---


def test_operator__registers_a_till_and_sees_its_key_once(staff: APIClient) -> None:
    merchant = new_merchant()

    made = post(staff, "/api/v1/devices/", {"merchant": str(merchant.public_id), "name": "Bar"})

    till = ScannerDevice.objects.get()
    body = made.json()
    assert made.status_code == 201
    assert device_of_key(body["key"]) == till
    assert body == {
        "id": str(till.public_id),
        "merchant": str(merchant.public_id),
        "name": "Bar",
        "hint": body["key"][:8],
        "created_at": body["created_at"],
        "revoked_at": None,
        "key": body["key"],
    }
    shown = staff.get(f"/api/v1/devices/{till.public_id}").json()
    assert shown == {name: value for name, value in body.items() if name != "key"}
    assert staff.get("/api/v1/devices/").json()["results"] == [shown]
    assert body["key"] not in IdempotencyRecord.objects.get().response


def test_same_key_and_body__is_the_same_till_without_its_key(staff: APIClient) -> None:
    body = {"merchant": str(new_merchant().public_id), "name": "Bar"}

    first, again = (post(staff, "/api/v1/devices/", body, "once") for _ in range(2))

    assert again.json() == {**first.json(), "key": None}
    assert again.headers["Idempotency-Replayed"] == "true"
    assert ScannerDevice.objects.count() == 1


def test_operator__revokes_a_till(staff: APIClient) -> None:
    till = new_till()

    first, again = (staff.post(f"/api/v1/devices/{till.public_id}/revoke") for _ in range(2))

    till.refresh_from_db()
    assert till.is_revoked
    assert first.status_code == 200
    assert first.json()["revoked_at"] == again.json()["revoked_at"] is not None


@pytest.mark.parametrize(
    "change",
    [
        {"merchant": "x"},
        {"merchant": str(uuid4())},
        {"merchant": None},
        {"name": ""},
        {"name": "x" * 81},
        {"name": ["x"]},
        {"key": "mine"},
    ],
)
def test_till_that_makes_no_sense__is_a_bad_request(staff: APIClient, change: dict[str, object]) -> None:
    body = {"merchant": str(new_merchant().public_id), "name": "Bar", **change}

    answer = post(staff, "/api/v1/devices/", body)

    assert refusal(answer) == (400, "invalid")
    assert set(answer.json()["errors"]) == set(change)
    assert not ScannerDevice.objects.exists()


def test_till_without_idempotency_key__is_refused(staff: APIClient) -> None:
    answer = post(staff, "/api/v1/devices/", {"merchant": str(new_merchant().public_id), "name": "Bar"}, None)

    assert refusal(answer) == (400, "idempotency_key_required")
    assert not ScannerDevice.objects.exists()


@pytest.mark.parametrize("groups", [[], ["finance"], ["merchants"], ["flag-editors"]])
def test_everybody_else__is_kept_out_of_the_tills(make_user: MakeUser, api_of: ApiOf, groups: list[str]) -> None:
    till, client = new_till(), api_of(make_user(groups=groups))
    body = {"merchant": str(till.merchant.public_id), "name": "Bar"}

    assert refusal(client.get("/api/v1/devices/")) == (403, "permission_denied")
    assert refusal(client.get(f"/api/v1/devices/{till.public_id}")) == (403, "permission_denied")
    assert refusal(post(client, "/api/v1/devices/", body)) == (403, "permission_denied")
    assert refusal(client.post(f"/api/v1/devices/{till.public_id}/revoke")) == (403, "permission_denied")
    till.refresh_from_db()
    assert not till.is_revoked
    assert ScannerDevice.objects.count() == 1


def test_nobody__sees_no_tills(api: APIClient) -> None:
    assert refusal(api.get("/api/v1/devices/")) == (401, "not_authenticated")


def test_more_tills__cost_no_more_statements(
    staff: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(4):
        new_till()

    # The token, two for its permissions, the tills.
    with django_assert_num_queries(4):
        assert len(staff.get("/api/v1/devices/").json()["results"]) == 4
