"""What the list leaves out unless asked, and what it may be narrowed to."""

from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import Exists, F, Func, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from flags.models import Flag, PlannedChange
from flags.staleness import stale_flags


class ArchivedFilter(SimpleListFilter):
    """Archived flags are out of the way until somebody looks for them."""

    title = "archive"
    parameter_name = "archive"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [("archived", "Archived"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        first, *rest = super().choices(changelist)
        return [{**first, "display": "In use"}, *rest]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Flag]) -> QuerySet[Flag]:
        match self.value():
            case "archived":
                return queryset.exclude(archived_at=None)
            case "all":
                return queryset
            case _:
                return queryset.filter(archived_at=None)


class SignFilter(SimpleListFilter):
    """Flags that ask for attention, or are watched."""

    title = "sign"
    parameter_name = "sign"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [("stale", "May go"), ("planned", "Change planned"), ("guarded", "Guarded by alerts")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Flag]) -> QuerySet[Flag]:
        match self.value():
            case "planned":
                return queryset.filter(Exists(PlannedChange.objects.open().filter(flag=OuterRef("pk"))))
            case "guarded":
                return queryset.exclude(guard=[])
            case "stale":
                return queryset.filter(pk__in=[stale.flag.pk for stale in stale_flags(timezone.now())])
            case _:
                return queryset


class TagFilter(SimpleListFilter):
    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        tags = Flag.objects.living().values_list(Func(F("tags"), function="unnest"), flat=True)
        return [(tag, tag) for tag in sorted(set(tags))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Flag]) -> QuerySet[Flag]:
        return queryset.filter(tags__contains=[self.value()]) if self.value() else queryset
