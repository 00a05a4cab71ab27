"""Forms of imports: the upload, and how its file is read."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from cashback.models import (
    COLUMNS,
    DELIMITERS,
    ENCODINGS,
    REQUIRED_COLUMNS,
    ImportJob,
    MappingProfile,
    Network,
    SignConvention,
)

COLUMN = "column_"
LABELS = {
    "external_id": "Purchase",
    "occurred_at": "Date",
    "time": "Time, if apart",
    "buyer": "Customer",
    "quantity": "Quantity",
    "unit_price": "Unit price",
    "amount": "Amount, instead of both",
    "item": "Item",
    "part": "Part of the purchase",
    "currency": "Currency",
    "status": "State",
    "version": "Last changed",
}
DATES = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y", "%m/%d/%y")
TIMES = ("", " %H:%M", " %H:%M:%S")
WITH_ZONE = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z", "%m/%d/%Y %I:%M %p")
EXAMPLE = datetime(2010, 12, 31, 18, 5, tzinfo=UTC)


class UploadForm(forms.Form):
    file = forms.FileField(widget=UnfoldAdminFileFieldWidget, help_text="Text with a header: CSV, TSV, as it comes")
    network = forms.ModelChoiceField(
        Network.objects.order_by("name"),
        required=False,
        empty_label="Found out by its columns",
        widget=UnfoldAdminSelectWidget,
    )
    profile = forms.ModelChoiceField(
        MappingProfile.objects.select_related("network").order_by("network__name", "name"),
        required=False,
        empty_label="Found out by the file",
        widget=UnfoldAdminSelectWidget,
    )

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > settings.IMPORT_MAX_BYTES:
            raise forms.ValidationError(f"At most {settings.IMPORT_MAX_BYTES >> 20} MiB.")
        return file

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        network, profile = data.get("network"), data.get("profile")
        if network and profile and profile.network != network:
            raise forms.ValidationError(f"{profile} is no profile of {network}.")
        return data


class MappingForm(forms.Form):
    """How a file is read: which of its columns is which, and how they are written."""

    delimiter = forms.ChoiceField(choices=DELIMITERS, widget=UnfoldAdminSelectWidget)
    quote = forms.ChoiceField(
        choices=[('"', "Double quotes"), ("'", "Single quotes"), ("", "None")],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    encoding = forms.ChoiceField(choices=ENCODINGS, widget=UnfoldAdminSelectWidget)
    decimal_mark = forms.ChoiceField(choices=[(".", "1,234.50"), (",", "1.234,50")], widget=UnfoldAdminSelectWidget)
    date_format = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    timezone = forms.CharField(widget=UnfoldAdminTextInputWidget)
    currency = forms.RegexField(
        "^[A-Z]{3}$", widget=UnfoldAdminTextInputWidget, help_text="Where no column says it: GBP"
    )
    signs = forms.ChoiceField(choices=SignConvention.choices, widget=UnfoldAdminSelectWidget, label="Cancellations")
    cancellation_prefix = forms.CharField(max_length=5, required=False, widget=UnfoldAdminTextInputWidget)
    statuses = forms.CharField(
        required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), help_text="A line each: deleted = declined"
    )
    replaces = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget, label="A transaction that comes again replaces itself"
    )
    creates_buyers = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget, label="Unknown customers get an account"
    )

    def __init__(self, data: QueryDict | None = None, *, job: ImportJob) -> None:
        super().__init__(data, initial=initial_of(job.mapping or {}))
        header = (job.preview or {}).get("header", [])
        for name in COLUMNS:
            self.fields[COLUMN + name] = forms.ChoiceField(
                choices=[("", "—"), *((column, column) for column in header if column)],
                required=name in REQUIRED_COLUMNS,
                label=LABELS[name],
                widget=UnfoldAdminSelectWidget,
            )
        form = (job.mapping or {}).get("date_format", "")
        options = [option for each in (job.preview or {}).get("questions", []) for option in each["options"]]
        self.fields["date_format"].choices = date_choices([form, *(each for each in options if "%" in each)])  # type: ignore[attr-defined]  # of a choice field

    @property
    def column_fields(self) -> list[forms.BoundField]:
        return [self[COLUMN + name] for name in COLUMNS]

    @property
    def dialect_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.base_fields]

    @property
    def mapping(self) -> dict[str, Any]:
        """What was entered, as services take it."""
        data = self.cleaned_data
        columns = {name: data[COLUMN + name] for name in COLUMNS if data[COLUMN + name]}
        return {**{name: data[name] for name in self.base_fields}, "columns": columns}

    def clean_statuses(self) -> dict[str, str]:
        lines = [line.partition("=") for line in self.cleaned_data["statuses"].splitlines() if line.strip()]
        return {word.strip().lower(): meaning.strip().lower() for word, _, meaning in lines}


def initial_of(mapping: dict[str, Any]) -> dict[str, Any]:
    columns = {COLUMN + name: column for name, column in mapping.get("columns", {}).items()}
    statuses = "\n".join(f"{word} = {meaning}" for word, meaning in sorted(mapping.get("statuses", {}).items()))
    return {**mapping, **columns, "statuses": statuses}


def date_choices(wanted: Iterable[str]) -> list[tuple[str, str]]:
    """Forms of dates, shown by an example whose day can't be a month. The empty one asks for a choice."""
    known = [*wanted, *(f"{date}{time}" for date in DATES for time in TIMES), *WITH_ZONE]
    forms_ = dict.fromkeys(form for form in known if form)
    return [("", "Please choose"), *((form, f"{EXAMPLE.strftime(form)}   ({form})") for form in forms_)]
