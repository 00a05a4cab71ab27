"""The switch in the list: its HTML, and what it asks of the server."""

from datetime import timedelta
from typing import Any, cast

from django.http import HttpRequest, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince

from accounts.models import User
from coupon_site.errors import DomainError
from flags.admin.forms import ToggleForm
from flags.choices import FlagSource
from flags.models import Flag
from flags.queries import flags_with_last_change
from flags.services import set_flag


def switch(flag: Flag, *, may_change: bool) -> str:
    """A button that says what it is to screen readers, and its state in words."""
    if flag.archived_at is not None:
        return "archived"
    return format_html(
        '<div class="flag-cell"><button type="button" role="switch" class="flag-switch" aria-checked="{}"'
        ' aria-label="{}" data-flag="{}" data-url="{}" data-protected="{}" {}></button>'
        '<span class="flag-state">{}</span><span class="flag-error" role="alert"></span></div>',
        "true" if flag.enabled else "false",
        flag.key,
        flag.key,
        reverse("admin:flags_flag_toggle", args=[flag.pk]),
        "true" if flag.protected else "false",
        "" if may_change else "disabled",
        "on" if flag.enabled else "off",
    )


def last_change(flag: Any) -> str:
    """When and by whom: of a row of `flags_with_last_change`."""
    long_ago = timezone.now() - flag.changed_at >= timedelta(minutes=1)
    when = f"{timesince(flag.changed_at, depth=1)} ago" if long_ago else "just now"
    return f"{when} by {flag.changed_by or flag.changed_source or 'nobody known'}"


def toggle(request: HttpRequest, pk: int, *, allowed: bool) -> HttpResponse:
    """Turn a flag as the form says; answers what the row must show now, or why not."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not allowed:
        return refusal(403, "You may not change flags.")
    form = ToggleForm(request.POST)
    if not form.is_valid():
        return refusal(400, " ".join(f"{field}: {messages[0]}" for field, messages in form.errors.items()))
    flag = Flag.objects.filter(pk=pk).first()
    if flag is None:
        return refusal(404, "There is no such flag.")
    try:
        turn(flag.key, form, actor=cast(User, request.user))
    except DomainError as error:
        return refusal(error.status, error.detail or error.title)
    flag = flags_with_last_change().get(pk=pk)
    return JsonResponse({"enabled": flag.enabled, "changed": last_change(flag)})


def turn(key: str, form: ToggleForm, *, actor: User) -> None:
    enabled, reason = form.cleaned_data["enabled"] == "true", form.cleaned_data["reason"]
    set_flag(key=key, enabled=enabled, actor=actor, source=FlagSource.ADMIN, reason=reason)


def refusal(status: int, detail: str) -> JsonResponse:
    return JsonResponse({"detail": detail}, status=status)
