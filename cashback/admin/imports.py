"""Imports, to look at: files come in by upload or command."""

from django.contrib import admin
from unfold.decorators import display

from cashback.models import ImportJob
from coupon_site.admin import ReadOnly, StateHistory

STATE_COLOURS = {
    "Running": "info",
    "Done": "success",
    "Done, some lines rejected": "warning",
    "Failed": "danger",
    "Cancelled": "danger",
}


@admin.register(ImportJob)
class ImportJobAdmin(ReadOnly, StateHistory):
    list_display = ["filename", "network", "shown_state", "how_far", "lines", "rejected", "conversions", "created_at"]
    list_filter = ["state", "network", "source"]
    list_select_related = ["network"]
    search_fields = ["filename", "sha256", "public_id"]
    ordering = ["-id"]
    exclude = ["cursor_bytes", "cursor_rows", "applied_to", "applied_lines"]

    @admin.display(description="progress")
    def how_far(self, job: ImportJob) -> str:
        return f"{job.progress:.0%}"

    @display(description="state", ordering="state", label=STATE_COLOURS)  # type: ignore[untyped-decorator]  # no types
    def shown_state(self, job: ImportJob) -> str:
        return job.get_state_display()
