"""Signed addresses of voucher pages: who has the link sees the voucher, nobody can make one."""

from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from vouchers.models import Voucher

_signer = Signer(salt="vouchers.page")


def page_path(voucher: Voucher) -> str:
    """The page's path on this site."""
    return reverse("voucher-page", args=[_signer.sign(voucher.public_id.hex)])


def page_url(voucher: Voucher) -> str:
    """The page's full address, to be sent to people."""
    return f"{settings.SITE_URL}{page_path(voucher)}"


def voucher_id_of(token: str) -> UUID | None:
    """The voucher that a link names; None when it was tampered with."""
    try:
        return UUID(hex=_signer.unsign(token))
    except (BadSignature, ValueError):
        return None
