"""The page that shows a voucher to whoever has its link."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from coupon_site.money import format_money
from vouchers.links import voucher_id_of
from vouchers.models import Voucher, VoucherState
from vouchers.pictures import qr_inline

PRIVATE = {"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}


@require_safe
def voucher_page(request: HttpRequest, token: str) -> HttpResponse:
    """A voucher with its code and QR picture, at a signed link."""
    public_id = voucher_id_of(token)
    voucher = (
        Voucher.objects.select_related("merchant", "offer").filter(public_id=public_id).first() if public_id else None
    )
    if voucher is None:
        return private(render(request, "vouchers/unknown.html", status=404))
    return private(render(request, "vouchers/voucher.html", page_of(voucher, at=timezone.now())))


def private(response: HttpResponse) -> HttpResponse:
    """The link is a secret: no cache keeps the page, no other site learns its address."""
    for name, value in PRIVATE.items():
        response.headers[name] = value
    return response


def page_of(voucher: Voucher, *, at: datetime) -> dict[str, object]:
    """What the template shows."""
    state = voucher.state_at(at)
    waits = state is VoucherState.ACTIVE and at < voucher.valid_from
    usable = state is VoucherState.ACTIVE and not waits
    return {
        "voucher": voucher,
        "value": format_money(voucher.value_minor, voucher.currency),
        "state": "not_yet_valid" if waits else state.value,
        "state_label": "Not valid yet" if waits else "Ready to use" if usable else state.label,
        "is_usable": usable,
        "shows_code": voucher.is_shown and state in (VoucherState.ACTIVE, VoucherState.REDEEMED),
        "qr": mark_safe(qr_inline(voucher.code)) if voucher.is_shown and state is VoucherState.ACTIVE else "",  # noqa: S308  drawn here
        "zone": voucher.merchant.timezone.replace("_", " "),
        "valid_from": voucher.valid_from.astimezone(voucher.merchant.zone).date() if waits else None,
    }
