"""Alerts and deployments: to look at. What fires is said by Alertmanager, what runs by the process that runs."""

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from unfold.admin import ModelAdmin
from unfold.decorators import display

from coupon_site.admin import ReadOnly, StateHistory
from monitoring.models import Alert, AlertState, Deployment

LINK = '<a class="text-primary-600 dark:text-primary-500" href="{}" rel="noreferrer">{}</a>'
STATE_COLOURS = {AlertState.FIRING.label: "danger", AlertState.RESOLVED.label: "success"}


@admin.register(Alert)
class AlertAdmin(ReadOnly, StateHistory):
    list_display = ["name", "shown_state", "severity", "service", "summary", "starts_at", "ends_at"]
    list_filter = ["state", "severity", "category", "service", "starts_at"]
    search_fields = ["name", "summary", "fingerprint__exact"]
    search_help_text = "The name of an alert, words of its summary, or its fingerprint"
    ordering = ["-id"]
    fields = [
        "name", "shown_state", "severity", "category", "service", "summary", "description", "all_labels", "links",
        "starts_at", "ends_at", "ending", "received_at", "fingerprint", "public_id",
    ]  # fmt: skip
    readonly_fields = fields

    @display(description="state", ordering="state", label=STATE_COLOURS)  # type: ignore[untyped-decorator]  # no types
    def shown_state(self, alert: Alert) -> str:
        return alert.get_state_display()

    @admin.display(description="labels")
    def all_labels(self, alert: Alert) -> str:
        return format_html_join(", ", "{}={}", sorted(alert.labels.items()))

    @admin.display(description="links")
    def links(self, alert: Alert) -> str:
        pages = [("Runbook", alert.runbook_url), ("Dashboard", alert.dashboard_url), ("Expression", alert.source_url)]
        found = [format_html(LINK, url, title) for title, url in pages if url]
        return format_html_join(" · ", "{}", ((link,) for link in found)) or "—"


@admin.register(Deployment)
class DeploymentAdmin(ReadOnly, ModelAdmin):
    list_display = ["version", "commit", "seen_at"]
    search_fields = ["version", "commit"]
    ordering = ["-id"]
