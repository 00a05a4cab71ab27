"""Secret addresses: of a voucher's page, and of a gift that waits to be opened."""

import hashlib
from base64 import urlsafe_b64encode
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse
from django.utils.crypto import salted_hmac

from vouchers.models import Gift, Voucher

# --- Vouchers: who has the link sees the code ---


def signer_of(voucher: Voucher) -> Signer:
    """Links are bound to the code: with a new code, those to the old one open nothing."""
    return Signer(salt=f"vouchers.page.{voucher.code}")


def page_token(voucher: Voucher) -> str:
    return signer_of(voucher).sign(voucher.public_id.hex)


def page_path(voucher: Voucher) -> str:
    """The page's path on this site."""
    return reverse("voucher-page", args=[page_token(voucher)])


def page_url(voucher: Voucher) -> str:
    """The page's full address, to be sent to people."""
    return f"{settings.SITE_URL}{page_path(voucher)}"


def voucher_of_link(token: str) -> Voucher | None:
    """The voucher that a link names; None when it was tampered with or is out of date."""
    try:
        public_id = UUID(hex=token.partition(":")[0])
        voucher = Voucher.objects.select_related("merchant", "offer").get(public_id=public_id)
        signer_of(voucher).unsign(token)
    except (ValueError, Voucher.DoesNotExist, BadSignature):
        return None
    return voucher


# --- Gifts: who opens the link first has the voucher ---


def token_of(seed: str) -> str:
    """What a gift's link ends in. The database holds its hash and its seed; neither opens anything without our key."""
    digest = salted_hmac("vouchers.gift", seed, algorithm="sha256").digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def hash_of(token: str) -> str:
    """SHA-256: the token has 256 random bits, so that no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def gift_path(token: str) -> str:
    return reverse("gift-page", args=[token])


def gift_url(gift: Gift) -> str:
    """The link to open a gift by, to be sent to its receiver."""
    return f"{settings.SITE_URL}{gift_path(token_of(gift.seed))}"
