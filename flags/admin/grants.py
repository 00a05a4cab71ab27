"""Which groups may change, and approve, which part of the flags."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from flags.models import NamespaceGrant


@admin.register(NamespaceGrant)
class NamespaceGrantAdmin(ModelAdmin[NamespaceGrant]):
    list_display = ["namespace", "group", "may_approve"]
    list_filter = ["group", "may_approve"]
    list_select_related = ["group"]
    search_fields = ["namespace", "group__name"]
    autocomplete_fields = ["group"]
    fieldsets = [(None, {"fields": ["group", "namespace", "may_approve"]})]
