"""What a switch asks of the server, what the list does to many at once, and putting flags away."""

from typing import Any, cast

import msgspec
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponse
from django.utils import timezone
from unfold.admin import ModelAdmin

from accounts.models import User
from coupon_site.errors import DomainError
from flags.admin.cells import bar, last_change
from flags.admin.editing import WAITS, ReasonIn, flag_for, refusal
from flags.admin.forms import ToggleForm
from flags.choices import FlagSource
from flags.models import Flag, PlannedChange
from flags.queries import definition_of, flags_with_last_change
from flags.rights import Rights
from flags.services import archive_flag, change_or_plan, restore_flag, turn_off_many


def toggle(request: HttpRequest, pk: int) -> HttpResponse:
    """Turn a flag as the form says; answers what the row must show now, or why not."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    form = ToggleForm(request.POST)
    if not form.is_valid():
        return refusal(400, " ".join(f"{field}: {messages[0]}" for field, messages in form.errors.items()))
    try:
        flag = flag_for(request, pk)
        note = turn(flag.key, form, actor=cast(User, request.user))
    except Http404:
        return refusal(404, "There is no such flag.")
    except PermissionDenied:
        return refusal(403, "You may not change this flag.")
    except DomainError as error:
        return refusal(error.status, error.detail or error.title)
    flag = flags_with_last_change().get(pk=pk)
    answer = {"enabled": flag.enabled, "version": flag.version, "changed": last_change(flag), "note": note}
    return JsonResponse({**answer, "bar": bar(definition_of(flag.key))})


def turn(key: str, form: ToggleForm, *, actor: User) -> str:
    """Turns a flag, or has it planned; answers what there is to say."""
    done = change_or_plan(
        key=key,
        patch={"enabled": form.cleaned_data["enabled"] == "true"},
        actor=actor,
        source=FlagSource.ADMIN,
        at=timezone.now(),
        reason=form.cleaned_data["reason"],
    )
    return WAITS if isinstance(done, PlannedChange) else ""


def turn_off_selected(model_admin: ModelAdmin, request: HttpRequest, flags: QuerySet[Flag]) -> None:
    """Off with all of them, or with none."""
    rights = Rights.of(cast(User, request.user))
    keys = [flag.key for flag in flags.filter(enabled=True)]
    if foreign := [key for key in keys if not rights.may_change(key)]:
        model_admin.message_user(request, f"You may not change {', '.join(foreign)}.", messages.ERROR)
        return
    reason = request.POST.get("reason", "").strip()[:200]
    try:
        done = turn_off_many(keys=keys, actor=cast(User, request.user), source=FlagSource.ADMIN, reason=reason)
    except DomainError as error:
        model_admin.message_user(request, f"Nothing is turned off: {error.detail or error.title}", messages.ERROR)
        return
    level = messages.SUCCESS if done else messages.INFO
    model_admin.message_user(request, f"{len(done)} turned off.", level)


def put_away(request: HttpRequest, pk: int) -> dict[str, Any]:
    """Archive a flag, or take it out again, whichever makes sense."""
    flag = flag_for(request, pk)
    reason = msgspec.json.decode(request.body, type=ReasonIn).reason
    said: dict[str, Any] = {
        "key": flag.key,
        "actor": cast(User, request.user),
        "source": FlagSource.ADMIN,
        "reason": reason,
    }
    if flag.archived_at is None:
        archive_flag(at=timezone.now(), **said)
        return {"reload": True, "note": "Archived."}
    restore_flag(**said)
    return {"reload": True, "note": "Restored: it is off."}
