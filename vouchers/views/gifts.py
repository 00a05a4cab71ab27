"""The page at a gift's secret link."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from accounts.models import User
from coupon_site.errors import DomainError
from vouchers.letters import wording
from vouchers.links import gift_path, page_path
from vouchers.models import Gift, GiftState
from vouchers.queries import gift_of_token
from vouchers.services import claim_gift
from vouchers.throttles import GiftThrottle
from vouchers.views.privacy import private

OPENED_HERE = "gift_opened_here"
KEPT_SECONDS = 400 * 86400  # the longest that browsers keep a cookie


@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def gift_page(request: HttpRequest, token: str) -> HttpResponseBase:
    """Looking opens nothing, since mail scanners follow links; the button does."""
    throttle = GiftThrottle()
    if not throttle.allow_request(request, None):  # type: ignore[arg-type]  # a page is no API view
        return busy(request, seconds=round(throttle.wait() or 1))
    if request.method == "POST":
        return claim(request, token)
    return show(request, gift_of_token(token), token)


def busy(request: HttpRequest, *, seconds: int) -> HttpResponse:
    answer = render(request, "vouchers/busy.html", {"seconds": seconds}, status=429)
    answer.headers["Retry-After"] = str(seconds)
    return guarded(answer)


def claim(request: HttpRequest, token: str) -> HttpResponse:
    """Open the gift, and go to the voucher; whoever comes too late is told on the gift's own page."""
    claimer = request.user if isinstance(request.user, User) else None
    try:
        gift = claim_gift(token=token, claimer=claimer, at=timezone.now())
    except DomainError as refusal:
        return show(request, gift_of_token(token), token, status=refusal.status)
    answer = redirect(page_path(gift.voucher))
    answer.status_code = 303
    answer.set_signed_cookie(
        OPENED_HERE,
        str(gift.public_id),
        salt=OPENED_HERE,
        path=gift_path(token),
        max_age=KEPT_SECONDS,
        httponly=True,
        secure=request.is_secure(),
        samesite="Lax",
    )
    return guarded(answer)


def show(request: HttpRequest, gift: Gift | None, token: str, *, status: int = 200) -> HttpResponse:
    """The gift as it is now."""
    if gift is None:
        return guarded(render(request, "vouchers/gift_unknown.html", status=404))
    return guarded(render(request, "vouchers/gift.html", page_of(request, gift, at=timezone.now()), status=status))


def page_of(request: HttpRequest, gift: Gift, *, at: datetime) -> dict[str, Any]:
    """What the template shows. In the browser that opened it, and to its owner, the voucher is one click away."""
    state = gift.shown_state(at)
    is_receiver = (
        state == GiftState.CLAIMED
        and gift.voucher.owner == gift.claimed_by
        and (
            request.get_signed_cookie(OPENED_HERE, default="", salt=OPENED_HERE) == str(gift.public_id)
            or (gift.claimed_by is not None and gift.claimed_by == request.user)
        )
    )
    zone = gift.voucher.merchant.zone
    return {
        **wording(gift),
        "state": state.value,
        "opens_at": gift.deliver_at.astimezone(zone).replace(tzinfo=None),
        "voucher_path": page_path(gift.voucher) if is_receiver else "",
    }


def guarded(response: HttpResponse) -> HttpResponse:
    """As private as a voucher's page. Not `no-referrer`: with it browsers send forms without their origin."""
    response.headers["Referrer-Policy"] = "same-origin"
    return private(response)
