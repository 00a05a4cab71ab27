"""The list and the page of flags. Whatever is pressed here goes through the services."""

from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from accounts.models import User
from coupon_site.admin import row_or_404
from coupon_site.errors import DomainError
from flags.admin.filters import ArchivedFilter
from flags.admin.forms import FlagForm, ReasonForm
from flags.admin.history import FlagChangeInline
from flags.admin.switch import last_change, switch, toggle
from flags.choices import FlagKind, FlagSource
from flags.models import Flag
from flags.queries import flags_with_last_change
from flags.services import archive_flag, create_flag, restore_flag, update_flag

LABELS = {
    FlagKind.RELEASE.label: "info",
    FlagKind.EXPERIMENT.label: "primary",
    FlagKind.OPERATIONAL.label: "warning",
    FlagKind.KILL_SWITCH.label: "danger",
    FlagKind.PERMISSION.label: "success",
}


def reason_dialog(title: str, description: str) -> dict[str, Any]:
    return {"title": title, "description": description, "form_class": ReasonForm, "form_submit_text": title}


@admin.register(Flag)
class FlagAdmin(ModelAdmin[Flag]):
    form = FlagForm
    list_display = ["name", "switch", "kind_label", "last_change", "description"]
    list_filter = [ArchivedFilter, "enabled", "kind", "protected", "client_visible"]
    search_fields = ["key", "description", "owner"]
    ordering = ["key"]
    list_per_page = 100
    list_fullwidth = True
    actions = None
    actions_detail = ["archive", "restore"]
    fieldsets = [
        (None, {"fields": ["key", "description", "enabled", "kind"]}),
        ("Who it concerns", {"fields": ["owner", "tags", "protected", "client_visible"]}),
        ("This change", {"fields": ["reason"]}),
    ]

    class Media:
        css = {"all": ["flags/switch.css"]}
        js = ["flags/switch.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Flag]:
        return flags_with_last_change().order_by("key")

    def get_readonly_fields(self, request: HttpRequest, obj: Flag | None = None) -> list[str]:
        return ["key"] if obj else []  # code asks for it by this name

    def has_delete_permission(self, request: HttpRequest, obj: Flag | None = None) -> bool:
        return False  # code may still ask for it: archive it

    def get_inlines(self, request: HttpRequest, obj: Flag | None) -> list[type[FlagChangeInline]]:
        return [FlagChangeInline] if obj else []

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.toggle_view)
        return [path("<int:pk>/toggle/", view, name="flags_flag_toggle"), *super().get_urls()]

    def toggle_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What a switch of the list asks for."""
        return toggle(request, pk, allowed=self.has_change_permission(request))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponseRedirect:
        """Our own history knows every door, Django's only this one."""
        return HttpResponseRedirect(reverse("admin:flags_flag_change", args=[object_id]) + "#changes")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.may_change = self.has_change_permission(request)
        return cast(HttpResponse, super().changelist_view(request, extra_context))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return cast(HttpResponseBase, super().changeform_view(request, *args, **kwargs))
        except DomainError as error:  # somebody else was here between the form and its saving
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Flag, form: ModelForm[Flag], change: bool) -> None:  # noqa: FBT001  Django's signature
        fields = {name: form.cleaned_data[name] for name in form.changed_data if name not in {"key", "reason"}}
        save = cast(Callable[..., Flag], update_flag if change else create_flag)
        reason = form.cleaned_data["reason"]
        saved = save(key=obj.key, actor=cast(User, request.user), source=FlagSource.ADMIN, reason=reason, **fields)
        obj.pk = saved.pk

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Archive or restore, whichever makes sense."""
        archived = row_or_404(Flag.objects.all(), object_id).archived_at is not None
        hidden = "flags_flag_archive" if archived else "flags_flag_restore"
        return [each for each in super().get_actions_detail(request, object_id) if each.action_name != hidden]

    @action(  # type: ignore[untyped-decorator]  # unfold has no types
        description="Archive",
        permissions=["change"],
        icon="archive",
        dialog=reason_dialog(
            "Archive", "It is off from now on, and out of the list. Code that asks for it is told so."
        ),
    )
    def archive(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        return self.put_away(request, form, object_id, at=timezone.now())

    @action(  # type: ignore[untyped-decorator]  # unfold has no types
        description="Restore",
        permissions=["change"],
        icon="unarchive",
        dialog=reason_dialog("Restore", "It comes back to the list, turned off."),
    )
    def restore(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        return self.put_away(request, form, object_id, at=None)

    def put_away(self, request: HttpRequest, form: ReasonForm, object_id: str, *, at: Any) -> HttpResponse:
        """Archive at a moment, or restore (None), and go back to the flag's page."""
        flag = row_or_404(Flag.objects.all(), object_id)
        said = {
            "key": flag.key,
            "actor": cast(User, request.user),
            "source": FlagSource.ADMIN,
            "reason": form.cleaned_data["reason"],
        }
        try:
            restore_flag(**said) if at is None else archive_flag(at=at, **said)
        except DomainError as error:
            self.message_user(request, str(error), messages.ERROR)
        return HttpResponse(headers={"HX-Redirect": reverse("admin:flags_flag_change", args=[object_id])})

    @admin.display(description="name", ordering="key")
    def name(self, flag: Flag) -> str:
        lock = ' <span class="flag-lock">protected</span>' if flag.protected else ""
        return format_html('<span class="flag-name">{}</span>{}', flag.key, mark_safe(lock))  # noqa: S308  our own HTML

    @admin.display(description="on", ordering="enabled")
    def switch(self, flag: Flag) -> str:
        return switch(flag, may_change=self.may_change)

    @display(description="kind", ordering="kind", label=LABELS)  # type: ignore[untyped-decorator]  # as above
    def kind_label(self, flag: Flag) -> str:
        return flag.get_kind_display()

    @admin.display(description="last change", ordering="changed_at")
    def last_change(self, flag: Flag) -> str:
        return format_html('<span class="flag-changed">{}</span>', last_change(flag))
