"""Imports over REST: uploaded, previewed, corrected, started, and what became of the lines."""

import csv
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from cashback.models import Conversion, ImportJob, MappingProfile, Network
from cashback.services.imports import queue, running, staging
from cashback.tests.factories import HEADER, line, worth
from events.models import OutboxMessage

Drain = Callable[[], int]
pytestmark = pytest.mark.django_db

IMPORTS = "/api/v1/imports/"
LINES = [
    line("1", "A", 2),
    line("2", "B", 1, customer="99.0"),
    line("C3", "A", -1, at="2010-12-09 00:00:00"),
    line("4", customer=""),
]
AMBIGUOUS = [line("1", "A", 2, at="03/04/2010 10:00"), line("2", "B", 1, at="05/06/2010 11:30")]


@pytest.fixture
def client(api_of: Callable[[User], APIClient], operator: User) -> APIClient:
    return api_of(operator)


def upload(client: APIClient, content: bytes, *, key: str = "", **fields: Any) -> Any:
    file = SimpleUploadedFile("december.csv", content, content_type="text/csv")
    headers = {"Idempotency-Key": key or str(uuid4())}
    return client.post(IMPORTS, {"file": file, **fields}, format="multipart", headers=headers)


def content_of(*lines: str) -> bytes:
    return "\n".join([HEADER, *lines, ""]).encode()


def uploaded(client: APIClient, *lines: str, **fields: Any) -> str:
    """The address of an upload's job."""
    answer = upload(client, content_of(*lines), **fields)
    assert answer.status_code == 201, answer.content
    return f"{IMPORTS}{answer.json()['id']}"


def previewed(client: APIClient, drain: Drain, *lines: str) -> str:
    """The address of a job whose preview is there."""
    address = uploaded(client, *lines)
    drain()
    assert client.get(address).json()["state"] == "previewed"
    return address


def test_upload__is_previewed_and_waits_for_a_word(client: APIClient, drain: Drain) -> None:
    answer = upload(client, content_of(*LINES), network="online-retail")

    job = answer.json()
    assert (answer.status_code, job["state"], job["progress"], job["network"], job["is_going_on"]) == (
        201,
        "uploaded",
        0.0,
        "online-retail",
        True,
    )
    drain()
    job = client.get(f"{IMPORTS}{job['id']}").json()
    assert (job["state"], job["is_going_on"], job["lines"]) == ("previewed", False, 0)
    assert not Conversion.objects.exists()


def test_preview__shows_lines_sums_and_what_would_come_of_them(client: APIClient, drain: Drain) -> None:
    preview = client.get(previewed(client, drain, *LINES)).json()["preview"]

    assert (preview["confidence"], preview["questions"], preview["warnings"]) == (1.0, [], [])
    assert preview["header"] == HEADER.split(",")
    assert preview["examples"]["StockCode"] == ["A", "B", "85123A"]
    assert [(each["row_no"], each["outcome"], each["amount_minor"]) for each in preview["lines"]] == [
        (1, "new", 2000),
        (2, "new", 1000),
        (3, "new", -1000),
        (4, "error", 0),
    ]
    assert preview["lines"][0] == {
        "row_no": 1,
        "outcome": "new",
        "reasons": [],
        "raw": "",
        "external_id": "1",
        "occurred_at": "2010-12-01T08:26:00Z",
        "buyer": "17850",
        "item": "A",
        "quantity": 2,
        "amount_minor": 2000,
        "currency": "GBP",
    }
    assert (preview["lines"][3]["reasons"], preview["lines"][3]["raw"]) == (["missing_customer"], LINES[3])
    totals = preview["totals"]
    assert (totals["lines"], totals["good"], totals["rejected"]) == (4, 3, 1)
    assert (totals["would_create"], totals["known"], totals["new_buyers"], totals["cancelled_lines"]) == (3, 0, 2, 1)
    assert totals["amounts_minor"] == {"GBP": 2000}


def test_preview_of_a_file_that_is_known_in_part__says_so(client: APIClient, drain: Drain) -> None:
    client.post(f"{previewed(client, drain, *LINES)}/start")
    drain()

    totals = client.get(previewed(client, drain, *LINES, line("5"))).json()["preview"]["totals"]

    assert (totals["would_create"], totals["known"], totals["new_buyers"]) == (1, 3, 0)


def test_start__imports_it(client: APIClient, operator: User, drain: Drain) -> None:
    address = previewed(client, drain, *LINES)

    started = client.post(f"{address}/start")

    assert (started.status_code, started.json()["state"], started.json()["is_going_on"]) == (200, "previewed", True)
    drain()
    done = client.get(address).json()
    assert (done["state"], done["progress"], done["is_going_on"]) == ("done_with_errors", 1.0, False)
    assert (done["lines"], done["rejected"], done["conversions"], done["clawbacks"]) == (4, 1, 3, 1)
    assert done["reasons"] == {"missing_customer": 1}
    assert ImportJob.objects.get().created_by == operator
    assert not ImportJob.objects.get().parts.exists()


def test_start_again__changes_nothing(client: APIClient, drain: Drain) -> None:
    address = previewed(client, drain, *LINES)
    first = client.post(f"{address}/start")
    waiting = OutboxMessage.objects.filter(topic="imports").exclude(state="delivered").count()

    again = client.post(f"{address}/start")

    assert (again.status_code, again.json()) == (200, first.json())
    assert OutboxMessage.objects.filter(topic="imports").exclude(state="delivered").count() == waiting == 1
    drain()
    assert client.post(f"{address}/start").status_code == 409


def test_start_before_the_preview__is_refused(client: APIClient) -> None:
    address = uploaded(client, *LINES)

    answer = client.post(f"{address}/start")

    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")


def test_day_or_month_first__is_asked(client: APIClient, network: Network, drain: Drain) -> None:
    address = previewed(client, drain, *AMBIGUOUS)
    [question] = client.get(address).json()["preview"]["questions"]

    refused = client.post(f"{address}/start")

    assert (question["code"], question["about"]) == ("ambiguous_date", "date_format")
    assert sorted(question["options"]) == ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"]
    assert (refused.status_code, refused.json()["code"]) == (409, "mapping_incomplete")
    assert refused.json()["questions"] == [question]
    started = client.post(f"{address}/start", {"mapping": {"date_format": "%m/%d/%Y %H:%M"}}, format="json")
    assert started.status_code == 200, started.content
    drain()
    assert Conversion.objects.get(external_id="1").occurred_at.isoformat() == "2010-03-04T10:00:00+00:00"


def test_mapping_that_was_settled__is_kept_for_the_network(client: APIClient, network: Network, drain: Drain) -> None:
    address = previewed(client, drain, *AMBIGUOUS)
    client.post(f"{address}/start", {"mapping": {"date_format": "%m/%d/%Y %H:%M"}}, format="json")
    drain()

    [_, profile] = MappingProfile.objects.filter(network=network).order_by("pk")

    assert (profile.name, profile.date_format, profile.creates_buyers) == ("Like december", "%m/%d/%Y %H:%M", True)
    client.post(f"{previewed(client, drain, *LINES)}/start")
    drain()
    assert MappingProfile.objects.filter(network=network).count() == 2


def test_other_mapping__is_previewed_before_it_starts(client: APIClient, drain: Drain) -> None:
    address = previewed(client, drain, *LINES)

    answer = client.post(f"{address}/preview", {"columns": {**RETAIL, "item": "Country"}}, format="json")

    assert answer.status_code == 200, answer.content
    assert {each["item"] for each in answer.json()["preview"]["lines"][:3]} == {"United Kingdom"}
    assert answer.json()["mapping"]["columns"]["item"] == "Country"
    assert answer.json()["state"] == "previewed"


RETAIL = {
    "external_id": "InvoiceNo",
    "quantity": "Quantity",
    "occurred_at": "InvoiceDate",
    "unit_price": "UnitPrice",
    "buyer": "CustomerID",
}


@pytest.mark.parametrize(
    ("mapping", "field"),
    [
        ({"columns": {}}, "columns"),
        ({"columns": {**RETAIL, "buyer": "Nobody"}}, "columns"),
        ({"columns": {**RETAIL, "colour": "Country"}}, "columns"),
        ({"columns": {**RETAIL, "status": "Country"}}, "replaces"),
        ({"date_format": "%Q"}, "date_format"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"currency": "pounds"}, "currency"),
        ({"delimiter": "x"}, "delimiter"),
        ({"statuses": {"ok": "fine"}}, "statuses"),
        ({"cancellation_prefix": ""}, "cancellation_prefix"),
        ({"nonsense": 1}, "nonsense"),
    ],
    ids=lambda value: str(value)[:30],
)
@pytest.mark.parametrize("verb", ["start", "preview"])
def test_mapping_that_makes_no_sense__is_refused(
    client: APIClient, drain: Drain, verb: str, mapping: dict[str, Any], field: str
) -> None:
    address = previewed(client, drain, *LINES)
    body = {"mapping": mapping} if verb == "start" else mapping

    answer = client.post(f"{address}/{verb}", body, format="json")

    assert answer.status_code == 400, answer.content
    errors = answer.json()["errors"]
    assert field in (errors.get("mapping", errors) if verb == "start" else errors)
    drain()
    assert client.get(address).json()["mapping"]["columns"]["item"] == "StockCode"
    assert not Conversion.objects.exists()


def test_upload_without_a_network__is_found_out_by_its_columns(client: APIClient) -> None:
    answer = upload(client, content_of(*LINES))

    assert (answer.status_code, answer.json()["network"]) == (201, "online-retail")


def test_the_same_file_again__is_the_same_job(client: APIClient, drain: Drain) -> None:
    address = previewed(client, drain, *LINES)

    again = upload(client, content_of(*LINES))

    assert again.status_code == 200
    assert address.endswith(again.json()["id"])
    assert ImportJob.objects.count() == 1
    assert not OutboxMessage.objects.filter(topic="imports").exclude(state="delivered").exists()


def test_the_same_key__gets_the_same_answer(client: APIClient) -> None:
    first, again = (upload(client, content_of(*LINES), key="upload-1") for _ in range(2))
    other = upload(client, content_of(*LINES[:1]), key="upload-1")

    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert ImportJob.objects.count() == 1


@pytest.fixture
def failed(client: APIClient, drain: Drain, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an import that broke."""
    address = previewed(client, drain, *LINES)
    with monkeypatch.context() as broken:
        broken.setattr(running, "apply", lambda *args, **kwargs: 1 / 0)
        client.post(f"{address}/start")
        drain()
    OutboxMessage.objects.filter(topic="imports").delete()
    job = client.get(address).json()
    assert (job["state"], job["error"], job["is_going_on"]) == (
        "failed",
        "ZeroDivisionError: division by zero",
        False,
    )
    return address


@pytest.mark.parametrize("way", ["retry", "upload"])
def test_failed_import__goes_on(client: APIClient, drain: Drain, failed: str, way: str) -> None:
    answer = client.post(f"{failed}/retry") if way == "retry" else upload(client, content_of(*LINES))

    assert (answer.status_code, answer.json()["is_going_on"]) == (200, True)
    drain()
    job = client.get(failed).json()
    assert (job["state"], job["lines"], job["error"]) == ("done_with_errors", 4, "")


def test_retry_twice__is_once(client: APIClient, drain: Drain, failed: str) -> None:
    for _ in range(2):
        assert client.post(f"{failed}/retry").status_code == 200

    assert OutboxMessage.objects.filter(topic="imports").count() == 1
    drain()
    assert client.post(f"{failed}/retry").status_code == 409


def test_retry_without_the_file__is_refused(client: APIClient, failed: str) -> None:
    ImportJob.objects.get().parts.all().delete()

    answer = client.post(f"{failed}/retry")

    assert (answer.status_code, answer.json()["code"]) == (409, "file_gone")
    assert not client.get(failed).json()["is_going_on"]


NOT_TEXT = {
    "zip": (b"PK\x03\x04" + b"\x00" * 100, "zip"),
    "gzip": (b"\x1f\x8b\x08" + b"\x00" * 100, "gzip"),
    "picture": (b"\x89PNG\r\n\x1a\n" + b"\x00\x01\x02" * 50, "picture"),
    "bytes": (bytes(range(256)) * 10, "no text"),
    "blank": (b"\n\n \n", "empty"),
    "zeros": (b"\x00" * 1000, "empty"),
}


@pytest.mark.parametrize("network", [{}, {"network": "online-retail"}], ids=["guessed", "named"])
@pytest.mark.parametrize("what", NOT_TEXT)
def test_something_else_than_text__is_refused_at_once(client: APIClient, what: str, network: dict[str, str]) -> None:
    content, complaint = NOT_TEXT[what]

    answer = upload(client, content, **network)

    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable_file")
    assert complaint in answer.json()["detail"]
    assert not ImportJob.objects.exists()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"a,b\n1,2\n", "no delimiter"), (b"x," * 2_000_000, "no delimiter")],
    ids=["two columns", "one endless line"],
)
def test_text_that_is_no_table__fails_and_says_why(
    client: APIClient, drain: Drain, content: bytes, complaint: str
) -> None:
    answer = upload(client, content, network="online-retail")
    drain()

    job = client.get(f"{IMPORTS}{answer.json()['id']}").json()
    assert job["state"] == "failed"
    assert complaint in job["error"]
    retried = client.post(f"{IMPORTS}{job['id']}/retry")
    assert (retried.status_code, retried.json()["code"]) == (409, "illegal_transition")


def test_columns_that_nobody_knows__are_refused_without_a_network_and_asked_for_with_one(
    client: APIClient, drain: Drain
) -> None:
    content = b"foo,bar,baz,qux\n1,2,3,4\n"

    guessed = upload(client, content)
    named = upload(client, content, network="online-retail")
    drain()

    assert (guessed.status_code, guessed.json()["code"]) == (400, "unreadable_file")
    assert "foo, bar, baz, qux" in guessed.json()["detail"]
    job = client.get(f"{IMPORTS}{named.json()['id']}").json()
    asked = {each["about"] for each in job["preview"]["questions"]}
    assert asked >= {"columns.external_id", "columns.buyer", "columns.occurred_at", "columns.amount"}
    assert client.post(f"{IMPORTS}{job['id']}/start").status_code == 409


def test_header_without_lines__is_previewed_and_done(client: APIClient, drain: Drain) -> None:
    address = previewed(client, drain)

    assert client.get(address).json()["preview"]["totals"]["lines"] == 0
    client.post(f"{address}/start")
    drain()
    assert client.get(address).json()["state"] == "done"


def test_senseless_upload__is_refused(client: APIClient, settings: Settings) -> None:
    settings.IMPORT_MAX_BYTES = 1 << 20
    headers = {"Idempotency-Key": "k"}

    answers = {
        "empty": upload(client, b""),
        "large": upload(client, b"x" * ((1 << 20) + 1)),
        "network": upload(client, content_of(*LINES), network="nobody"),
        "unknown": upload(client, content_of(*LINES), mode="fast"),
        "no file": client.post(IMPORTS, {}, format="multipart", headers=headers),
        "text": client.post(IMPORTS, {"file": "text"}, format="multipart", headers={"Idempotency-Key": "t"}),
    }

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 400)
    assert set(answers["unknown"].json()["errors"]) == {"mode"}
    assert client.post(IMPORTS, {}, format="json", headers=headers).status_code == 415
    no_key = client.post(IMPORTS, {"file": SimpleUploadedFile("a.csv", b"a")}, format="multipart")
    assert (no_key.status_code, no_key.json()["code"]) == (400, "idempotency_key_required")
    assert not ImportJob.objects.exists()


def test_claim_of_a_huge_body__is_refused_before_it_is_read(client: APIClient) -> None:
    answer = client.post(IMPORTS, {}, format="multipart", headers={"Idempotency-Key": "k"}, CONTENT_LENGTH=str(2 << 30))

    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")


def test_long_file__is_worked_on_in_turns(client: APIClient, drain: Drain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(staging, "CHUNK_LINES", 1)
    client.post(f"{previewed(client, drain, *LINES)}/start")

    turns = 0
    while not ImportJob.objects.get().is_finished and turns < 50:
        OutboxMessage.objects.filter(topic="imports").update(due_at=timezone.now())
        drain()
        turns += 1

    assert len(LINES) < turns < 50
    assert {message.attempts for message in OutboxMessage.objects.filter(topic="imports")} == {0}


@pytest.fixture
def done(client: APIClient, drain: Drain) -> str:
    """The address of an import that is done."""
    address = previewed(client, drain, *LINES, "=cmd|' /C calc'!A0")
    client.post(f"{address}/start")
    drain()
    return address


def test_rows__are_shown_in_order_and_by_outcome(client: APIClient, done: str) -> None:
    rows = f"{done}/rows"

    everything = client.get(rows, {"page_size": 3}).json()
    rest = client.get(everything["next"]).json()
    rejected = client.get(rows, {"outcome": "error"}).json()["results"]

    assert [row["row_no"] for row in everything["results"] + rest["results"]] == [1, 2, 3, 4, 5]
    assert [(row["row_no"], row["reasons"], row["raw"]) for row in rejected[:1]] == [
        (4, ["missing_customer"], LINES[3])
    ]
    assert len(client.get(f"{rows}/", {"outcome": "created"}).json()["results"]) == 3
    assert client.get(rows, {"outcome": "nonsense"}).status_code == 400
    assert client.get(f"{IMPORTS}{uuid4()}/rows").status_code == 404


def test_error_file__has_the_rejected_lines_and_no_formulas(client: APIClient, done: str) -> None:
    answer = client.get(f"{done}/errors.csv")

    lines = list(csv.reader(b"".join(answer.streaming_content).decode().splitlines()))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert lines == [
        ["line", "reasons", "text"],
        ["4", "missing_customer", LINES[3]],
        ["5", "wrong_columns", "'=cmd|' /C calc'!A0"],
    ]


def test_waiting_import__can_be_called_off(client: APIClient, drain: Drain) -> None:
    address = uploaded(client, *LINES)

    cancelled = client.post(f"{address}/cancel")
    again = client.post(f"{address}/cancel")
    drain()

    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")
    assert not OutboxMessage.objects.filter(state="dead").exists()
    assert upload(client, content_of(*LINES)).status_code == 201


def test_called_off_after_it_was_to_start__does_not(client: APIClient, drain: Drain) -> None:
    address = previewed(client, drain, *LINES)
    client.post(f"{address}/start")

    assert client.post(f"{address}/cancel").status_code == 200

    drain()
    assert client.get(address).json()["state"] == "cancelled"
    assert not Conversion.objects.exists()
    assert not OutboxMessage.objects.filter(state="dead").exists()


@pytest.mark.parametrize("verb", ["start", "preview", "retry", "cancel"])
def test_customer__may_do_nothing(
    api_of: Callable[[User], APIClient], user: User, client: APIClient, drain: Drain, verb: str
) -> None:
    address = previewed(client, drain, *LINES)
    stranger = api_of(user)

    assert stranger.post(f"{address}/{verb}").status_code == 403
    assert stranger.get(f"{address}/errors.csv").status_code == 403
    assert upload(stranger, content_of(*LINES)).status_code == 403


def test_buyer_that_is_our_own_user__gets_the_cashback(
    client: APIClient, drain: Drain, network: Network, user: User
) -> None:
    MappingProfile.objects.update(creates_buyers=False)
    client.post(f"{previewed(client, drain, line('1', customer=str(user.public_id)))}/start")
    drain()

    assert Conversion.objects.get().buyer == user
    assert worth(network) == {"1": (50, 0)}
