"""Networks, and how their files are read."""

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from cashback.models import BuyerReference, MappingProfile, Network


class SavesWhatChanged(ModelAdmin):
    """Somebody else's change of another field is not undone."""

    def save_model(
        self,
        request: HttpRequest,
        obj: Any,
        form: ModelForm[Any],
        change: bool,  # noqa: FBT001  Django's signature
    ) -> None:
        if change:
            obj.save(update_fields=form.changed_data)
        else:
            obj.save(force_insert=True)


class ProfileInline(TabularInline):
    model = MappingProfile
    fields = ["name", "currency", "timezone", "creates_buyers"]
    readonly_fields = fields
    can_delete = False
    extra = 0
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Network)
class NetworkAdmin(SavesWhatChanged):
    list_display = ["name", "slug", "cashback_basis_points", "hold_days"]
    search_fields = ["name", "slug"]
    readonly_fields = ["public_id", "created_at"]
    inlines = [ProfileInline]

    def has_delete_permission(self, request: HttpRequest, obj: Network | None = None) -> bool:
        return False


@admin.register(MappingProfile)
class MappingProfileAdmin(SavesWhatChanged):
    list_display = ["name", "network", "currency", "timezone", "delimiter", "creates_buyers"]
    list_filter = ["network"]
    list_select_related = ["network"]
    readonly_fields = ["public_id"]


@admin.register(BuyerReference)
class BuyerReferenceAdmin(SavesWhatChanged):
    list_display = ["external_id", "network", "user"]
    list_filter = ["network"]
    list_select_related = ["network", "user"]
    search_fields = ["external_id", "user__email"]
    autocomplete_fields = ["user"]
    ordering = ["-id"]
    show_full_result_count = False
