"""Who changed a flag: rows beside its form, never to be edited."""

from typing import cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from unfold.admin import TabularInline

from coupon_site.admin import ReadOnly
from flags.models import Flag, FlagChange


class FlagChangeInline(ReadOnly, TabularInline[FlagChange, Flag]):
    model = FlagChange
    verbose_name_plural = "History"
    fields = ["at", "who", "what", "why"]
    readonly_fields = fields
    ordering = ["-id"]
    per_page = 20
    hide_title = True
    tab = True
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[FlagChange]:
        return cast("QuerySet[FlagChange]", super().get_queryset(request)).select_related("actor")

    @admin.display(description="When")
    def at(self, change: FlagChange) -> str:
        return f"{change.created_at:%Y-%m-%d %H:%M:%S} UTC"

    @admin.display(description="Who")
    def who(self, change: FlagChange) -> str:
        return f"{change.actor or 'system'} ({change.get_source_display()})"

    @admin.display(description="What")
    def what(self, change: FlagChange) -> str:
        if change.before is None:
            return f"made, {shown(change.after['enabled'])}"
        return format_html_join(
            ", ", "{} {} → {}", ((name, shown(old), shown(new)) for name, (old, new) in change.changed.items())
        )

    @admin.display(description="Why")
    def why(self, change: FlagChange) -> str:
        return change.reason or "-"


def shown(value: object) -> str:
    """A value as people say it."""
    match value:
        case bool():
            return "on" if value else "off"
        case None | "" | []:
            return "nothing"
        case list():
            return ", ".join(str(item) for item in value)
        case _:
            return str(value)
