"""Tills and their keys."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orders.models import Merchant
from orders.tests.factories import new_merchant
from vouchers.models import ScannerDevice
from vouchers.queries import device_of_key
from vouchers.services import keep_device, register_device, revoke_device

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
