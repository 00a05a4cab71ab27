"""Imports: uploaded, looked at, corrected, started and followed."""

from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST
from unfold.decorators import display

from accounts.models import User
from cashback.admin.import_forms import MappingForm, UploadForm
from cashback.errors import BadMapping
from cashback.models import ImportJob, ImportState
from cashback.parsing import Reason
from cashback.services import imports
from coupon_site.admin import ReadOnly, StateHistory
from coupon_site.errors import DomainError
from coupon_site.money import format_money

STATE_COLOURS = {
    "Previewed": "warning",
    "Running": "info",
    "Done": "success",
    "Done, some lines rejected": "warning",
    "Failed": "danger",
    "Cancelled": "danger",
}
PREVIEW_COLUMNS = ["Line", "Purchase", "Date (UTC)", "Customer", "Item", "Quantity", "Amount", "Would be"]
COUNTS = {
    "lines": "Lines read",
    "rejected": "Lines rejected",
    "created_count": "New conversions",
    "amended_count": "Amended",
    "unchanged_count": "Known already",
    "clawbacks": "Clawbacks",
}


@admin.register(ImportJob)
class ImportJobAdmin(ReadOnly, StateHistory):
    list_display = ["filename", "network", "shown_state", "how_far", "lines", "rejected", "conversions", "created_at"]
    list_filter = ["state", "network", "source"]
    list_select_related = ["network"]
    search_fields = ["filename", "sha256", "public_id"]
    ordering = ["-id"]
    change_form_outer_before_template = "cashback/import_job.html"
    fields = [
        "public_id", "network", "profile", "source", "filename", "size_bytes", "created_by", "created_at", "started_at",
        "finished_at",
    ]  # fmt: skip

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return cast(User, request.user).has_perm("cashback.add_importjob")

    @admin.display(description="progress")
    def how_far(self, job: ImportJob) -> str:
        return f"{job.progress:.0%}"

    @display(description="state", ordering="state", label=STATE_COLOURS)  # type: ignore[untyped-decorator]  # no types
    def shown_state(self, job: ImportJob) -> str:
        return job.get_state_display()

    def get_urls(self) -> list[URLPattern]:
        act = self.admin_site.admin_view(require_POST(self.act))
        return [path("<int:object_id>/act/", act, name="cashback_importjob_act"), *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Upload a file."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid() and (job := self.receive(request, form)):
            return HttpResponseRedirect(address_of(job))
        context = {**self.admin_site.each_context(request), "title": "Import a file", "opts": self.opts, "form": form}
        return render(request, "cashback/import_upload.html", context)

    def receive(self, request: HttpRequest, form: UploadForm) -> ImportJob | None:
        file, profile = form.cleaned_data["file"], form.cleaned_data["profile"]
        try:
            intake = imports.receive_upload(
                network=form.cleaned_data["network"],
                profile=profile,
                filename=file.name,
                file=imports.UploadFile(file),
                actor=cast(User, request.user),
            )
        except DomainError as error:
            form.add_error("file", str(error))
            return None
        if not intake.is_new:
            self.message_user(request, "This file came before: here is its import.", messages.WARNING)
        return intake.job

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        job = self.get_object(request, object_id)
        more = page_of(job, may_act=self.has_add_permission(request)) if job else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def act(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """One of the page's buttons."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        job = get_object_or_404(ImportJob, pk=object_id)
        if act := self.acts(request, job).get(request.POST.get("verb", "")):
            try:
                self.message_user(request, act(), messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, str(error), messages.ERROR)
        return HttpResponseRedirect(address_of(job))

    def acts(self, request: HttpRequest, job: ImportJob) -> dict[str, Callable[[], str]]:
        """Button → what it does; answers what was done."""
        actor, now = cast(User, request.user), timezone.now()

        def preview() -> str:
            imports.change_mapping(job=job, changes=self.entered(request, job))
            return "Read as you said: look at the lines."

        def start() -> str:
            imports.start_import(job=job, actor=actor, changes=self.entered(request, job), at=now)
            return "It begins as soon as an importer is free."

        def cancel() -> str:
            imports.cancel_import(job=job, actor=actor)
            return "Called off."

        def retry() -> str:
            imports.retry_import(job=job, actor=actor, at=now)
            return "It goes on where it was."

        return {each.__name__: each for each in (preview, start, cancel, retry)}

    def entered(self, request: HttpRequest, job: ImportJob) -> dict[str, Any]:
        """The mapping that the page's form holds. Raises BadMapping."""
        form = MappingForm(request.POST, job=job)
        if not form.is_valid():
            raise BadMapping("; ".join(f"{form[name].label}: {texts[0]}" for name, texts in form.errors.items()))
        return form.mapping


def address_of(job: ImportJob) -> str:
    return reverse("admin:cashback_importjob_change", args=[job.pk])


def page_of(job: ImportJob, *, may_act: bool) -> dict[str, Any]:
    """What the page shows above the fields."""
    preview = job.preview or {}
    is_open = job.state == ImportState.PREVIEWED and not job.is_waiting
    return {
        "job": job,
        "may_act": may_act,
        "counts": [(name, label, getattr(job, name)) for name, label in COUNTS.items()],
        "reasons": reasons_table(job.reasons),
        "preview": preview if job.state == ImportState.PREVIEWED else None,
        "preview_table": {"headers": PREVIEW_COLUMNS, "rows": [preview_row(line) for line in preview.get("lines", [])]},
        "preview_reasons": reasons_table(preview.get("totals", {}).get("reasons", {})),
        "amounts": [
            format_money(minor, currency)
            for currency, minor in preview.get("totals", {}).get("amounts_minor", {}).items()
        ],
        "mapping_form": MappingForm(job=job) if is_open and may_act else None,
        "can_cancel": may_act and ImportState.CANCELLED in job.TRANSITIONS[ImportState(job.state)],
        "can_retry": may_act and job.state == ImportState.FAILED and job.mapping is not None and not job.is_waiting,
    }


def reasons_table(reasons: dict[str, int]) -> dict[str, list[Any]]:
    rows = sorted(reasons.items(), key=lambda each: -each[1])
    return {"headers": ["Reason", "Meaning", "Lines"], "rows": [[code, label_of(code), f"{n:,}"] for code, n in rows]}


def label_of(code: str) -> str:
    return next((reason.label for reason in Reason if reason.value == code), "")


def preview_row(line: dict[str, Any]) -> list[Any]:
    """A line that can't be used shows itself."""
    if line["outcome"] == "error":
        return [line["row_no"], "", "", "", line["raw"], "", "", f"rejected: {', '.join(line['reasons'])}"]
    moment = parse_datetime(line["occurred_at"])
    return [
        line["row_no"],
        line["external_id"],
        f"{moment:%Y-%m-%d %H:%M}",
        line["buyer"],
        line["item"],
        f"{line['quantity']:,}",
        format_money(line["amount_minor"], line["currency"]),
        {"new": "new", "known": "known already"}[line["outcome"]],
    ]
