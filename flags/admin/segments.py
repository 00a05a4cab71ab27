"""Segments: a list, and a page with the same questions as rules have."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

import msgspec
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from msgspec import Struct
from unfold.admin import ModelAdmin

from accounts.models import User
from coupon_site.admin import ReadOnly, row_or_404
from flags.admin.cells import ago
from flags.admin.editing import Answer, Conflict, Reason, ReasonIn, answered
from flags.admin.membership import members
from flags.admin.page import CONTEXT_FIELDS
from flags.admin.words import OPERATORS, said, segment_lines
from flags.choices import FlagSource
from flags.errors import ChangedMeanwhile, FlagExists
from flags.models import Flag, Segment
from flags.queries import segment_of
from flags.services import remove_segment, write_segment

NEVER = datetime.min.replace(tzinfo=UTC)  # who does not say what was seen, has seen nothing


class SegmentIn(Struct, kw_only=True):
    patch: dict[str, Any]
    version: datetime | None = None
    reason: Reason = ""


class MembersIn(Struct):
    flag: dict[str, Any]


@admin.register(Segment)
class SegmentAdmin(ReadOnly, ModelAdmin[Segment]):
    list_display = ["name", "in_words", "used"]
    search_fields = ["key", "description"]
    ordering = ["key"]
    list_fullwidth = True

    class Media:
        css = {"all": ["flags/switch.css"]}

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("flags.add_segment")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Segment]:
        rows = cast("QuerySet[Segment]", super().get_queryset(request))
        return rows.filter(archived_at=None).annotate(flags=Count("rules__flag", distinct=True))

    def get_urls(self) -> list[URLPattern]:
        acts: dict[str, Callable[..., Answer]] = {"save": save, "remove": remove, "members": who}
        views = {name: self.admin_site.admin_view(answered(act)) for name, act in acts.items()}
        own = [path(f"<int:pk>/{name}/", view, name=f"flags_segment_{name}") for name, view in views.items()]
        new = [path(f"{name}/", views[name], name=f"flags_segment_{name}_new") for name in ("save", "members")]
        return [*own, *new, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self.page(request, None)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.page(request, row_or_404(Segment.objects.all(), object_id))

    def page(self, request: HttpRequest, segment: Segment | None) -> HttpResponse:
        request.current_app = self.admin_site.name
        may_change = request.user.has_perm("flags.change_segment") and not (segment and segment.archived_at)
        context = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        return render(
            request, "flags/admin/segment.html", {**context, "may_change": may_change, **shown(segment, may_change)}
        )

    @admin.display(description="segment", ordering="key")
    def name(self, segment: Segment) -> str:
        return format_html(
            '<div><span class="flag-name">{}</span><span class="flag-about">{}</span></div>',
            segment.key,
            segment.description,
        )

    @admin.display(description="in it is who")
    def in_words(self, segment: Segment) -> str:
        return " and ".join(map(said, segment_of(segment.key).constraints)) or "everybody"

    @admin.display(description="used by", ordering="flags")
    def used(self, segment: Any) -> str:
        return f"{segment.flags} flag{'s'[: segment.flags != 1]}"


def shown(segment: Segment | None, may_change: bool) -> dict[str, Any]:  # noqa: FBT001  read aloud at the call
    """What the page is drawn from."""
    names = ("save", "members", "remove") if segment else ("save", "members")
    suffix, where = ("", [segment.pk]) if segment else ("_new", [])
    urls = {name: reverse(f"admin:flags_segment_{name}{suffix}", args=where) for name in names}
    data = {
        **(standing(segment.pk) if segment else {"flag": {"key": "", "description": "", "constraints": []}}),
        "mayChange": may_change,
        "urls": {**urls, "preview": urls["members"]},
        "known": {"operators": [*OPERATORS.items()], "labels": {}},
    }
    data["segment"] = data.pop("flag")
    changes: list[Any] = list(segment.changes.select_related("actor")[:50]) if segment else []
    for change in changes:
        change.lines = segment_lines(change.before, change.after)
    flags = Flag.objects.filter(rules__segments=segment).order_by("key").distinct() if segment else []
    title = segment.key if segment else "New segment"
    return {
        "segment": segment,
        "title": title,
        "data": data,
        "changes": changes,
        "flags": flags,
        "context_fields": CONTEXT_FIELDS,
    }


def standing(pk: int) -> dict[str, Any]:
    """The segment as it is now."""
    segment = Segment.objects.get(pk=pk)
    plain = {name: getattr(segment, name) for name in ("key", "description", "constraints")}
    return {"flag": plain, "version": segment.updated_at.isoformat()}


def save(request: HttpRequest, pk: int | None = None) -> dict[str, Any]:
    """Change a segment as somebody saw it, or make one. Raises Conflict."""
    if not request.user.has_perm("flags.change_segment" if pk else "flags.add_segment"):
        raise PermissionDenied
    body = msgspec.json.decode(request.body, type=SegmentIn)
    write = partial(write_segment, actor=cast(User, request.user), source=FlagSource.ADMIN, reason=body.reason)
    if pk is None:
        key = str(body.patch.pop("key", ""))
        if Segment.objects.living().filter(key=key).exists():
            raise FlagExists(f"There is a segment {key!r} already.")
        made = write(key=key, patch=body.patch)
        return {"next": reverse("admin:flags_segment_change", args=[made.pk])}
    try:
        write(key=get_object_or_404(Segment, pk=pk).key, patch=body.patch, seen=body.version or NEVER)
    except ChangedMeanwhile:
        raise conflict(pk) from None
    return {**standing(pk), "note": ""}


def conflict(pk: int) -> Conflict:
    last = Segment.objects.get(pk=pk).changes.select_related("actor").first()
    lines = [str(line) for line in segment_lines(last.before, last.after)] if last else []
    who = str(last.actor or last.get_source_display()) if last else "Somebody"
    return Conflict(who=who, when=ago(last.created_at) if last else "", what=lines, **standing(pk))


def remove(request: HttpRequest, pk: int) -> dict[str, Any]:
    if not request.user.has_perm("flags.change_segment"):
        raise PermissionDenied
    segment = get_object_or_404(Segment, pk=pk)
    reason = msgspec.json.decode(request.body, type=ReasonIn).reason
    user = cast(User, request.user)
    remove_segment(key=segment.key, at=timezone.now(), actor=user, source=FlagSource.ADMIN, reason=reason)
    return {"next": reverse("admin:flags_segment_changelist"), "note": "Put away."}


def who(request: HttpRequest, pk: int | None = None) -> dict[str, Any]:
    """How many of the newest customers are in it, as it is being edited."""
    if not request.user.has_perm("flags.view_segment"):
        raise PermissionDenied
    return members(msgspec.json.decode(request.body, type=MembersIn).flag)
