"""Tills and their keys."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from orders.models import Merchant
from orders.tests.factories import new_merchant
from vouchers.errors import DeviceRevoked
from vouchers.models import ScannerDevice
from vouchers.queries import device_of_key
from vouchers.services import keep_device, register_device, revoke_device, rotate_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def merchant() -> Merchant:
    return new_merchant()


def test_new_till__has_a_key_of_which_only_the_hash_is_kept(merchant: Merchant) -> None:
    till, key = register_device(merchant=merchant, name="Bar")

    row = ScannerDevice.objects.values().get()
    assert (till.merchant, till.name, till.is_revoked) == (merchant, "Bar", False)
    assert key.startswith("till_")
    assert len(key) > 40
    assert key not in str(row)
    assert row["hint"] == key[:8]
    assert len(row["digest"]) == 64


def test_key__finds_its_till(merchant: Merchant) -> None:
    till, key = register_device(merchant=merchant, name="Bar")
    other, other_key = register_device(merchant=merchant, name="Bar")

    assert key != other_key
    assert device_of_key(key) == till
    assert device_of_key(other_key) == other
    assert device_of_key(till.digest) is None
    assert device_of_key(key[:-1]) is None
    assert device_of_key("") is None


def test_key_chosen_elsewhere__is_kept_as_a_hash(merchant: Merchant) -> None:
    till = keep_device(merchant=merchant, name="Demo", key="till_of_the_demo")

    assert device_of_key("till_of_the_demo") == till
    assert "till_of_the_demo" not in str(ScannerDevice.objects.values().get())


def test_revoked_till__stays_known_and_keeps_its_first_moment(merchant: Merchant) -> None:
    till, key = register_device(merchant=merchant, name="Bar")
    other, _ = register_device(merchant=merchant, name="Door")
    now = timezone.now()

    revoke_device(device=till, at=now)
    again = revoke_device(device=till, at=now + timedelta(days=1))

    found = device_of_key(key)
    other.refresh_from_db()
    assert found is not None
    assert (found.is_revoked, found.revoked_at, again.revoked_at) == (True, now, now)
    assert not other.is_revoked


# --- a new key ---


def test_new_key__replaces_the_old_one(till: ScannerDevice) -> None:
    old = rotate_key(device=till)

    key = rotate_key(device=till)

    assert device_of_key(old) is None
    assert device_of_key(key) == till
    assert till.hint == key[:8]


def test_revoked_till__gets_no_new_key(till: ScannerDevice) -> None:
    revoke_device(device=till, at=timezone.now())
    digest = till.digest

    with pytest.raises(DeviceRevoked):
        rotate_key(device=till)

    till.refresh_from_db()
    assert till.digest == digest


def test_new_key_over_rest__is_shown_once_and_to_operators_only(
    till: ScannerDevice, user: User, operator: User, api_of: Callable[[User], APIClient]
) -> None:
    path, headers = f"/api/v1/devices/{till.public_id}/rotate", {"Idempotency-Key": "one"}

    assert api_of(user).post(path, headers=headers).status_code == 403
    answer = api_of(operator).post(path, headers=headers)
    again = api_of(operator).post(path, headers=headers)

    assert (answer.status_code, device_of_key(answer.json()["key"])) == (201, till)
    assert again.json() == {**answer.json(), "key": None}
