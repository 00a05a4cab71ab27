"""Imports in the admin: upload, preview, correction, start, what was rejected."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from cashback.admin.import_forms import COLUMN
from cashback.models import Conversion, ImportJob, MappingProfile, Network
from cashback.services.imports import running
from cashback.tests.factories import HEADER, line
from conftest import MakeUser
from events.models import OutboxMessage

Drain = Callable[[], int]
pytestmark = pytest.mark.django_db

ADD = "/admin/cashback/importjob/add/"
LINES = [line("1", "A", 2), line("C3", "A", -1, at="2010-12-09 00:00:00"), line("4", customer="")]
AMBIGUOUS = [line("1", at="03/04/2010 10:00"), line("2", at="05/06/2010 11:30")]


@pytest.fixture
def desk(operator: User, client: Client) -> Client:
    client.force_login(operator)
    return client


def upload(desk: Client, *lines: str, content: bytes = b"", **fields: Any) -> Any:
    content = content or "\n".join([HEADER, *lines, ""]).encode()
    return desk.post(ADD, {"file": SimpleUploadedFile("december.csv", content), **fields})


def page(desk: Client, job: ImportJob) -> str:
    answer = desk.get(f"/admin/cashback/importjob/{job.pk}/change/")
    assert answer.status_code == 200
    return str(answer.content.decode())


def act(desk: Client, job: ImportJob, verb: str, **fields: Any) -> list[str]:
    """Press one of the page's buttons; what the site says to it."""
    answer = desk.post(f"/admin/cashback/importjob/{job.pk}/act/", {"verb": verb, **fields}, follow=True)
    assert answer.redirect_chain == [(f"/admin/cashback/importjob/{job.pk}/change/", 302)]
    return [str(message) for message in answer.context["messages"]]


def form_of(job: ImportJob, **changes: str) -> dict[str, str]:
    """What the page's form holds."""
    assert job.mapping is not None
    plain = {name: value for name, value in job.mapping.items() if isinstance(value, str)}
    columns = {COLUMN + name: column for name, column in job.mapping["columns"].items()}
    switches = {name: "on" for name in ("replaces", "creates_buyers") if job.mapping[name]}
    return {**plain, **columns, **switches, **changes}


@pytest.fixture
def job(desk: Client, drain: Drain) -> ImportJob:
    """An upload whose preview is there."""
    upload(desk, *LINES)
    drain()
    return ImportJob.objects.get()


def test_upload__leads_to_its_page(desk: Client) -> None:
    assert "Found out by its columns" in desk.get(ADD).content.decode()

    answer = upload(desk, *LINES)

    job = ImportJob.objects.get()
    assert answer.headers["Location"] == f"/admin/cashback/importjob/{job.pk}/change/"
    shown = page(desk, job)
    assert "waiting for an importer" in shown
    assert "data-going-on" in shown


def test_preview__shows_the_first_lines_and_the_mapping(desk: Client, job: ImportJob) -> None:
    shown = page(desk, job)

    for text in ("GBP 20.00", "GBP -10.00", "rejected: missing_customer", "No customer", "Start the import"):
        assert text in shown
    assert "data-going-on" not in shown
    assert '<option value="InvoiceNo" selected>' in shown


def test_start__imports_it_as_the_form_says(desk: Client, job: ImportJob, drain: Drain) -> None:
    assert act(desk, job, "start", **form_of(job)) == ["It begins as soon as an importer is free."]

    drain()
    job.refresh_from_db()
    assert (job.state, job.conversions, job.rejected) == ("done_with_errors", 2, 1)
    assert MappingProfile.objects.filter(network=job.network).count() == 1
    shown = page(desk, job)
    assert f"/api/v1/imports/{job.public_id}/errors.csv" in shown
    assert "No customer" in shown
    assert "State history" in shown


def test_question__is_answered_in_the_form(desk: Client, drain: Drain) -> None:
    upload(desk, *AMBIGUOUS)
    drain()
    job = ImportJob.objects.get()
    assert "To be decided: No date tells" in page(desk, job)
    assert act(desk, job, "start", **form_of(job)) == ["Date format: This field is required."]

    assert act(desk, job, "preview", **form_of(job, date_format="%m/%d/%Y %H:%M")) == [
        "Read as you said: look at the lines."
    ]

    assert "2010-03-04 10:00" in page(desk, job)
    job.refresh_from_db()
    act(desk, job, "start", **form_of(job))
    drain()
    assert Conversion.objects.get(external_id="1").occurred_at.month == 3


def test_column_that_is_chosen_otherwise__is_read(desk: Client, job: ImportJob) -> None:
    act(desk, job, "preview", **form_of(job, **{f"{COLUMN}item": "Country"}))

    job.refresh_from_db()
    assert job.preview is not None
    assert job.preview["lines"][0]["item"] == "United Kingdom"


def test_form_that_makes_no_sense__says_why_and_changes_nothing(desk: Client, job: ImportJob) -> None:
    before = job.mapping

    assert act(desk, job, "start", **form_of(job, timezone="Mars"))[0].startswith("timezone: ")
    assert act(desk, job, "preview", **form_of(job, currency="pounds"))[0].startswith("Currency: ")
    assert act(desk, job, "preview", **form_of(job, statuses="ok = fine"))[0].startswith("statuses: ")
    assert act(desk, job, "nonsense") == []

    job.refresh_from_db()
    assert (job.mapping, job.confirmed_at) == (before, None)


def test_file_that_is_no_text__is_refused_in_the_form(desk: Client) -> None:
    answer = upload(desk, content=b"PK\x03\x04" + b"\x00" * 50)

    assert answer.status_code == 200
    assert "zip archive" in answer.content.decode()
    assert not ImportJob.objects.exists()


def test_profile_that_is_named__reads_the_file(desk: Client, network: Network, drain: Drain) -> None:
    profile = network.profiles.get()
    profile.date_format = "%m/%d/%Y %H:%M"
    profile.save(update_fields=["date_format"])

    upload(desk, *AMBIGUOUS, profile=profile.pk)
    drain()

    job = ImportJob.objects.get()
    assert job.preview is not None
    assert (job.preview["questions"], job.profile) == ([], profile)
    assert "2010-03-04 10:00" in page(desk, job)
    other = Network.objects.get(slug="awin")
    assert "is no profile of Awin" in upload(desk, *LINES, profile=profile.pk, network=other.pk).content.decode()


def test_failed_import__goes_on_at_a_button(
    desk: Client, job: ImportJob, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(running, "apply", lambda *args, **kwargs: 1 / 0)
        act(desk, job, "start", **form_of(job))
        drain()
    OutboxMessage.objects.filter(topic="imports").delete()
    shown = page(desk, job)
    assert "division by zero" in shown
    assert "Go on where it was" in shown

    assert act(desk, job, "retry") == ["It goes on where it was."]

    drain()
    job.refresh_from_db()
    assert job.state == "done_with_errors"


def test_call_off__is_for_what_has_not_begun(desk: Client, job: ImportJob) -> None:
    assert act(desk, job, "cancel") == ["Called off."]

    job.refresh_from_db()
    assert job.state == "cancelled"
    assert "Call off" not in page(desk, job)
    assert "it can't become cancelled" in act(desk, job, "cancel")[0]


def test_staff_without_the_right__may_look_at_nothing(job: ImportJob, make_user: MakeUser, client: Client) -> None:
    client.force_login(make_user(is_staff=True))

    assert client.get(f"/admin/cashback/importjob/{job.pk}/change/").status_code == 403
    assert client.get(ADD).status_code == 403
    assert client.post(f"/admin/cashback/importjob/{job.pk}/act/", {"verb": "start"}).status_code == 403
    assert client.get(f"/admin/cashback/importjob/{job.pk}/act/").status_code in (403, 405)
