"""What the page of a flag asks of the site: saving, previews, explanations, plans. JSON in and out."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, cast

import msgspec
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from msgspec import Meta, Struct

from accounts.models import User
from coupon_site.errors import DomainError
from flags.admin.audience import audience
from flags.admin.cells import ago
from flags.admin.explaining import explained
from flags.admin.history import since
from flags.admin.rollout import is_for_everybody
from flags.choices import FlagSource
from flags.definition import Definition
from flags.errors import ChangedMeanwhile, ChangeUnknown, FlagExists, FlagKeyInvalid
from flags.models import Flag, PlannedChange
from flags.queries import definition_of
from flags.rights import may_change
from flags.services import change_or_plan, create_flag, plan_change, plan_ramp, revert_patch
from flags.services.edits import Edit, defined, patched, plain
from flags.services.validation import refuse_invalid

Reason = Annotated[str, Meta(max_length=200)]
WAITS = "It waits for the approval of another person: see Planned changes."


class SaveIn(Struct, kw_only=True):
    patch: dict[str, Any]
    version: int = 0
    reason: Reason = ""


class PlanIn(SaveIn, kw_only=True):
    at: datetime


class RampIn(Struct, kw_only=True):
    steps: list[tuple[Annotated[float, Meta(ge=0, le=100)], datetime]]
    reason: Reason = ""


class ReasonIn(Struct):
    reason: Reason = ""


class PreviewIn(Struct):
    flag: dict[str, Any]


class ExplainIn(PreviewIn):
    who: Annotated[str, Meta(max_length=200)] = ""
    more: Annotated[list[str], Meta(max_length=50)] = []


Answer = dict[str, Any]


class Conflict(ChangedMeanwhile):
    """Its context says who did what since."""


def answered(act: Callable[..., Answer]) -> Callable[..., HttpResponse]:
    """A view of an act: it gets the request and what the address names; a refusal says what is wrong where."""

    @require_POST
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return JsonResponse(act(request, *args, **kwargs))
        except Conflict as conflict:
            return refusal(412, conflict.title, conflict=conflict.context)
        except DomainError as error:
            return refusal(error.status, error.detail or error.title, errors=places(error))
        except msgspec.ValidationError as error:
            return refusal(400, str(error))
        except msgspec.DecodeError:
            return refusal(400, "This is no JSON.")

    return view


def refusal(status: int, detail: str, **more: Any) -> JsonResponse:
    return JsonResponse({"detail": detail, **more}, status=status)


def places(error: DomainError) -> list[dict[str, str]]:
    if isinstance(error, FlagKeyInvalid | FlagExists):
        return [{"place": "key", "message": error.detail}]
    found = cast("dict[str, list[str]]", error.context.get("errors", {}))
    return [{"place": place, "message": message} for place, messages in found.items() for message in messages]


def flag_for(request: HttpRequest, pk: int) -> Flag:
    """The flag, for somebody who may change it. Raises Http404, PermissionDenied."""
    flag = get_object_or_404(Flag, pk=pk)
    if not may_change(cast(User, request.user), flag.key):
        raise PermissionDenied
    return flag


def create(request: HttpRequest) -> Answer:
    """A new flag; answers its page."""
    body = msgspec.json.decode(request.body, type=SaveIn)
    key = str(body.patch.get("key", ""))
    if not may_change(cast(User, request.user), key):
        raise FlagKeyInvalid("You may not make flags of this name.")
    fields = {name: value for name, value in body.patch.items() if name not in {"key", "enabled"}}
    flag = create_flag(
        key=key, actor=cast(User, request.user), source=FlagSource.ADMIN, reason=body.reason, **cast("Any", fields)
    )
    return {"next": reverse("admin:flags_flag_change", args=[flag.pk])}


def save(request: HttpRequest, pk: int) -> Answer:
    """Change the flag as somebody saw it. Raises Conflict."""
    flag = flag_for(request, pk)
    body = msgspec.json.decode(request.body, type=SaveIn)
    try:
        return changed(request, flag, body.patch, reason=body.reason, expected_version=body.version)
    except ChangedMeanwhile:
        raise conflict(pk, body.version) from None


def conflict(pk: int, version: int) -> Conflict:
    """What became of the flag since its `version`."""
    last, lines = since(Flag.objects.get(pk=pk), version)
    who = str(last.actor or last.get_source_display()) if last else "Somebody"
    what = [str(line) for line in lines]
    return Conflict(who=who, when=ago(last.created_at) if last else "", what=what, **standing(pk))


def revert(request: HttpRequest, pk: int, change: int) -> Answer:
    """Bring the flag back to what it was before a change."""
    flag = flag_for(request, pk)
    body = msgspec.json.decode(request.body, type=ReasonIn)
    patch = revert_patch(key=flag.key, change=change)
    if not patch:
        raise ChangeUnknown("It is so already.")
    return changed(request, flag, patch, reason=body.reason or "reverted", note="Reverted.")


def changed(request: HttpRequest, flag: Flag, patch: dict[str, Any], *, note: str = "", **how: Any) -> Answer:
    """Do it, or plan it where a second person has to agree."""
    done = change_or_plan(
        key=flag.key, patch=patch, actor=cast(User, request.user), source=FlagSource.ADMIN, at=timezone.now(), **how
    )
    return {**standing(flag.pk), "note": WAITS if isinstance(done, PlannedChange) else note}


def standing(pk: int) -> Answer:
    """The flag as it is now."""
    flag = Flag.objects.get(pk=pk)
    return {"flag": plain(definition_of(flag.key)), "version": flag.version}


def plan(request: HttpRequest, pk: int) -> Answer:
    flag = flag_for(request, pk)
    body = msgspec.json.decode(request.body, type=PlanIn)
    if flag.version != body.version:
        raise ChangedMeanwhile("Somebody changed the flag meanwhile: reload the page first.")
    planned = plan_change(
        key=flag.key, patch=body.patch, run_at=body.at, author=cast(User, request.user), reason=body.reason
    )
    return {"note": f"Planned. {WAITS}" if planned.approvals_needed else "Planned."}


def ramp(request: HttpRequest, pk: int) -> Answer:
    """Steps of a growing share: of the last rule that is for everybody, or of a new one."""
    flag = flag_for(request, pk)
    body = msgspec.json.decode(request.body, type=RampIn)
    rules = definition_of(flag.key).rules
    last = rules[-1] if rules and is_for_everybody(rules[-1]) else None
    planned = plan_ramp(
        key=flag.key,
        steps=sorted(body.steps, key=lambda step: step[1]),
        author=cast(User, request.user),
        reason=body.reason,
        rule=last.id if last else "ramp",
    )
    return {"note": f"{len(planned)} steps are planned. {WAITS if planned[0].approvals_needed else ''}".rstrip()}


def preview(request: HttpRequest, pk: int | None = None) -> Answer:
    saved, draft = drafted(request, pk, msgspec.json.decode(request.body, type=PreviewIn))
    return audience(draft, saved)


def explain(request: HttpRequest, pk: int | None = None) -> Answer:
    body = msgspec.json.decode(request.body, type=ExplainIn)
    _, draft = drafted(request, pk, body)
    return explained(draft, who=body.who, more=body.more)


def drafted(request: HttpRequest, pk: int | None, body: PreviewIn) -> tuple[Definition | None, Definition]:
    """The flag as it is, and as it is being edited. Raises DefinitionInvalid."""
    if pk is None:
        draft = defined({**body.flag, "key": body.flag.get("key") or "new"})
        refuse_invalid([Edit(Flag(key=draft.key), None, draft)])
        return None, draft
    flag = get_object_or_404(Flag, pk=pk)
    saved = definition_of(flag.key)
    draft = patched(saved, body.flag)
    refuse_invalid([Edit(flag, saved, draft)])
    return saved, draft
