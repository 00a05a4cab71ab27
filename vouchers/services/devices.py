"""Tills and their keys."""

import secrets
from datetime import datetime

from django.db import transaction

from orders.models import Merchant
from vouchers.errors import DeviceRevoked
from vouchers.models import ScannerDevice
from vouchers.queries import digest_of

PREFIX = "till_"


@transaction.atomic
def register_device(*, merchant: Merchant, name: str) -> tuple[ScannerDevice, str]:
    """A new till and its key, which is shown once and never kept."""
    key = new_key()
    return keep_device(merchant=merchant, name=name, key=key), key


def new_key() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def keep_device(*, merchant: Merchant, name: str, key: str) -> ScannerDevice:
    """Keep the hash of a till's key."""
    return ScannerDevice.objects.create(merchant=merchant, name=name, digest=digest_of(key), hint=key[:8])


@transaction.atomic
def rotate_key(*, device: ScannerDevice) -> str:
    """A new key for a till, shown once; the old one is unknown from now on. Raises DeviceRevoked."""
    key = new_key()
    live = ScannerDevice.objects.filter(pk=device.pk, revoked_at=None)
    if not live.update(digest=digest_of(key), hint=key[:8]):
        raise DeviceRevoked
    device.refresh_from_db(fields=["digest", "hint"])
    return key


def rename_device(*, device: ScannerDevice, name: str) -> ScannerDevice:
    """Call a till otherwise; its key and merchant stay."""
    device.name = name
    device.save(update_fields=["name"])
    return device


@transaction.atomic
def revoke_device(*, device: ScannerDevice, at: datetime) -> ScannerDevice:
    """The till's key is refused from now on; doing it again changes nothing."""
    ScannerDevice.objects.filter(pk=device.pk, revoked_at=None).update(revoked_at=at)
    device.refresh_from_db(fields=["revoked_at"])
    return device
