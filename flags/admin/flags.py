"""The list and the page of flags. Whatever is pressed here goes through the services."""

from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin

from accounts.models import User
from coupon_site.admin import row_or_404
from flags.admin import cells, editing
from flags.admin.filters import ArchivedFilter, SignFilter, TagFilter
from flags.admin.forms import TurnOffForm
from flags.admin.listing import FlagChangeList
from flags.admin.page import ACTS, page_of, page_of_new
from flags.admin.stale import page_of_stale
from flags.admin.switch import put_away, toggle, turn_off_selected
from flags.models import Flag
from flags.queries import flags_with_last_change
from flags.rights import Rights


@admin.register(Flag)
class FlagAdmin(ModelAdmin[Flag]):
    list_display = ["name", "switch", "rollout", "signs", "last_change"]
    list_filter = [ArchivedFilter, "enabled", SignFilter, "kind", TagFilter, "type", "client_visible"]
    search_fields = ["key", "description", "owner", "tags"]
    search_help_text = "Name, description, owner or tag"
    ordering = ["key"]
    list_per_page = 100
    list_fullwidth = True
    actions = ["turn_off"]
    action_form = TurnOffForm
    list_before_template = "flags/admin/stale_link.html"

    class Media:
        css = {"all": ["flags/switch.css"]}
        js = ["flags/switch.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Flag]:
        return flags_with_last_change().order_by("key")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[FlagChangeList]:
        return FlagChangeList

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) or self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Flag | None = None) -> bool:
        return super().has_view_permission(request, obj) or self.has_change_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Flag | None = None) -> bool:
        rights = Rights.of(cast(User, request.user))
        return rights.may_change(obj.key) if obj else rights.changes_any

    def has_add_permission(self, request: HttpRequest) -> bool:
        return Rights.of(cast(User, request.user)).changes_any

    def has_delete_permission(self, request: HttpRequest, obj: Flag | None = None) -> bool:
        return False  # code may still ask for it: archive it

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("stale/", self.viewed(self.stale_view), name="flags_flag_stale"),
            path("create/", self.viewed(editing.answered(editing.create)), name="flags_flag_create"),
            path("preview/", self.viewed(editing.answered(editing.preview)), name="flags_flag_preview_new"),
            path("explain/", self.viewed(editing.answered(editing.explain)), name="flags_flag_explain_new"),
            path("<int:pk>/toggle/", self.viewed(toggle), name="flags_flag_toggle"),
            path("<int:pk>/put-away/", self.viewed(editing.answered(put_away)), name="flags_flag_put_away"),
            path(
                "<int:pk>/revert/<int:change>/",
                self.viewed(editing.answered(editing.revert)),
                name="flags_flag_revert",
            ),
            *(
                path(f"<int:pk>/{act}/", self.viewed(editing.answered(getattr(editing, act))), name=f"flags_flag_{act}")
                for act in ACTS
            ),
        ]
        return [*own, *super().get_urls()]

    def viewed(self, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        """A view for those who may see flags."""

        def allowed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not self.has_view_permission(request):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return cast("Callable[..., HttpResponse]", self.admin_site.admin_view(allowed))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self.page(request, page_of_new())

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        flag = row_or_404(Flag.objects.all(), object_id)
        if not self.has_view_permission(request, flag) and not self.has_view_permission(request):
            raise PermissionDenied
        return self.page(request, page_of(request, flag.pk))

    def stale_view(self, request: HttpRequest) -> HttpResponse:
        return self.page(request, page_of_stale(request), "flags/admin/stale.html")

    def page(
        self, request: HttpRequest, shown: dict[str, Any], template: str = "flags/admin/page.html"
    ) -> HttpResponse:
        request.current_app = self.admin_site.name
        context = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, **shown}
        return render(request, template, context)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponseRedirect:
        """Our own history knows every door, Django's only this one."""
        return HttpResponseRedirect(reverse("admin:flags_flag_change", args=[object_id]) + "#history")

    @admin.action(description="Turn off", permissions=["change"])
    def turn_off(self, request: HttpRequest, queryset: QuerySet[Flag]) -> None:
        turn_off_selected(self, request, queryset)

    @admin.display(description="flag", ordering="key")
    def name(self, flag: Flag) -> str:
        return cells.name(flag)

    @admin.display(description="on", ordering="enabled")
    def switch(self, flag: Any) -> str:
        return cells.switch(flag, may_change=flag.may_change)

    @admin.display(description="who gets it")
    def rollout(self, flag: Any) -> str:
        return cells.bar(flag.definition)

    @admin.display(description="kind and signs", ordering="kind")
    def signs(self, flag: Any) -> str:
        return cells.badges(flag.marks)

    @admin.display(description="last change", ordering="changed_at")
    def last_change(self, flag: Flag) -> str:
        return cells.changed(flag)
