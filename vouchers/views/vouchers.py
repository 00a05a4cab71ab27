"""The page that shows a voucher to whoever has its link, and the same on paper."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from coupon_site.money import format_money
from vouchers.links import page_path, page_token, voucher_of_link
from vouchers.models import Voucher, VoucherState
from vouchers.pictures import qr_inline
from vouchers.views.privacy import private


@require_safe
def voucher_page(request: HttpRequest, token: str) -> HttpResponse:
    """A voucher with its code and QR picture, at a signed link."""
    voucher = voucher_of_link(token)
    if voucher is None:
        return private(render(request, "vouchers/unknown.html", status=404))
    return private(render(request, "vouchers/voucher.html", page_of(voucher, at=timezone.now())))


@require_safe
def voucher_file(request: HttpRequest, token: str) -> HttpResponse:
    """The voucher as a PDF to keep or print; one that can't be used any more only has its page."""
    voucher = voucher_of_link(token)
    if voucher is None:
        return private(render(request, "vouchers/unknown.html", status=404))
    if not voucher.is_shown or voucher.state_at(timezone.now()) is not VoucherState.ACTIVE:
        return private(redirect(page_path(voucher)))
    from vouchers.documents import voucher_document  # half a second and 45 MB, which few processes need

    headers = {"Content-Disposition": f'attachment; filename="voucher-{voucher.code[-5:]}.pdf"'}
    return private(HttpResponse(voucher_document(voucher), content_type="application/pdf", headers=headers))


def page_of(voucher: Voucher, *, at: datetime) -> dict[str, object]:
    """What the template shows."""
    state = voucher.state_at(at)
    waits = state is VoucherState.ACTIVE and at < voucher.valid_from
    usable = state is VoucherState.ACTIVE and not waits
    return {
        "voucher": voucher,
        "token": page_token(voucher),
        "value": format_money(voucher.value_minor, voucher.currency),
        "state": "not_yet_valid" if waits else state.value,
        "state_label": "Not valid yet" if waits else "Ready to use" if usable else state.label,
        "is_usable": usable,
        "shows_code": voucher.is_shown and state in (VoucherState.ACTIVE, VoucherState.REDEEMED),
        "qr": mark_safe(qr_inline(voucher.code)) if voucher.is_shown and state is VoucherState.ACTIVE else "",  # noqa: S308  drawn here
        "zone": voucher.merchant.timezone.replace("_", " "),
        "valid_from": voucher.valid_from.astimezone(voucher.merchant.zone).date() if waits else None,
    }
