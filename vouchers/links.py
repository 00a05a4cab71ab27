"""Secret addresses: of a voucher's page, and of a gift that waits to be opened."""

import hashlib
from base64 import urlsafe_b64encode
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from vouchers.models import Gift, Voucher


def seal(purpose: str, text: str) -> str:
    """43 characters that only this site can make of a text."""
    digest = salted_hmac(f"vouchers.{purpose}", text, algorithm="sha256").digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


# --- Vouchers: who has the link sees the code ---


def page_token(voucher: Voucher) -> str:
    """Bound to the code: with a new code, links to the old one open nothing."""
    name = voucher.public_id.hex
    return f"{name}:{seal('page', name + voucher.code)}"


def page_path(voucher: Voucher) -> str:
    """The page's path on this site."""
    return reverse("voucher-page", args=[page_token(voucher)])


def page_url(voucher: Voucher) -> str:
    """The page's full address, to be sent to people."""
    return f"{settings.SITE_URL}{page_path(voucher)}"


def voucher_of_link(token: str) -> Voucher | None:
    """The voucher that a link names; None when it was tampered with or is out of date."""
    name, _, _ = token.partition(":")
    try:
        public_id = UUID(hex=name)
    except ValueError:
        return None
    voucher = Voucher.objects.select_related("merchant", "offer").filter(public_id=public_id).first()
    return voucher if voucher and constant_time_compare(token, page_token(voucher)) else None


# --- Gifts: who opens the link first has the voucher ---


def token_of(seed: str) -> str:
    """What a gift's link ends in. The database holds its hash and its seed; neither opens anything without our key."""
    return seal("gift", seed)


def hash_of(token: str) -> str:
    """SHA-256: the token has 256 random bits, so that no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def gift_path(token: str) -> str:
    return reverse("gift-page", args=[token])


def gift_url(gift: Gift) -> str:
    """The link to open a gift by, to be sent to its receiver."""
    return f"{settings.SITE_URL}{gift_path(token_of(gift.seed))}"
