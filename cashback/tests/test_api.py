from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from cashback.models import CashbackEvent, Conversion, ImportJob
from cashback.services import approve_events, track_order
from cashback.tests.factories import HEADER, import_lines, line
from conftest import MakeUser
from events.models import OutboxMessage
from orders.models import FlashSale, Order
from vouchers.tests.factories import new_paid_order

ApiOf = Callable[[User], APIClient]
pytestmark = pytest.mark.django_db

EVENTS, WALLET, CONVERSIONS, IMPORTS = (
    f"/api/v1/{path}" for path in ("cashback/events/", "wallet/", "conversions/", "imports/")
)
LINES = [
    line("1", "A", 2),
    line("2", "B", 1, customer="99.0"),
    line("C3", "A", -1, at="2010-12-09 00:00:00"),
    line("4", customer=""),
]


@pytest.fixture
def event(paid_order: Order) -> CashbackEvent:
    [event] = track_order(order=paid_order.public_id, at=timezone.now())
    return event


@pytest.fixture
def others(make_user: MakeUser, sale: FlashSale) -> CashbackEvent:
    """Somebody else's cashback."""
    [event] = track_order(order=new_paid_order(make_user(), sale).public_id, at=timezone.now())
    return event


@pytest.fixture
def job(tmp_path: Path) -> ImportJob:
    return import_lines(tmp_path, LINES)


def upload(client: APIClient, content: bytes, *, key: str = "", **fields: Any) -> Any:
    file = SimpleUploadedFile("december.csv", content, content_type="text/csv")
    headers = {"Idempotency-Key": key or str(uuid4())}
    return client.post(IMPORTS, {"file": file, **fields}, format="multipart", headers=headers)


def content_of(*lines: str) -> bytes:
    return "".join(f"{text}\n" for text in [HEADER, *lines]).encode()


# --- cashback events and wallet ---


def test_customer__sees_own_cashback_only(
    api_of: ApiOf, user: User, event: CashbackEvent, others: CashbackEvent
) -> None:
    client = api_of(user)

    [shown] = client.get(EVENTS).json()["results"]

    assert shown["id"] == str(event.public_id)
    assert (shown["state"], shown["amount_minor"], shown["currency"], shown["network"]) == (
        "pending",
        100,
        "GBP",
        "shop",
    )
    assert shown["order"] == str(event.order_line.order.public_id)  # type: ignore[union-attr]
    assert client.get(f"{EVENTS}{event.public_id}").json() == shown
    assert client.get(f"{EVENTS}{event.public_id}/").json() == shown
    assert client.get(f"{EVENTS}{others.public_id}").status_code == 404
    assert client.get(f"{EVENTS}{uuid4()}").status_code == 404
    assert client.get(f"{EVENTS}nonsense").status_code == 404


def test_finance__sees_all(api_of: ApiOf, make_user: MakeUser, event: CashbackEvent, others: CashbackEvent) -> None:
    client = api_of(make_user(groups=["finance"]))

    shown = client.get(EVENTS).json()["results"]

    assert [each["id"] for each in shown] == [str(others.public_id), str(event.public_id)]
    one = client.get(EVENTS, {"buyer": str(others.buyer.public_id)}).json()["results"]
    assert [each["id"] for each in one] == [str(others.public_id)]
    assert client.get(EVENTS, {"state": "paid"}).json()["results"] == []
    assert client.get(EVENTS, {"state": "nonsense"}).status_code == 400


def test_wallet__shows_balances_and_what_led_to_them(
    api_of: ApiOf, user: User, event: CashbackEvent, others: CashbackEvent
) -> None:
    approve_events(events=[event, others], at=timezone.now())

    shown = api_of(user).get(WALLET).json()

    assert shown["balances"] == [{"currency": "GBP", "pending_minor": 0, "available_minor": 100}]
    rows = shown["statement"]["results"]
    assert [(row["kind"], row["origin"], row["target"], row["amount_minor"]) for row in rows] == [
        ("release", "pending", "available", 100),
        ("accrual", "platform", "pending", 100),
    ]
    assert {row["cause"] for row in rows} == {str(event.public_id)}


def test_statement__comes_in_pages(api_of: ApiOf, user: User, event: CashbackEvent) -> None:
    approve_events(events=[event], at=timezone.now())
    client = api_of(user)

    first = client.get(WALLET, {"page_size": 1}).json()["statement"]
    second = client.get(first["next"]).json()["statement"]

    assert [row["kind"] for row in first["results"] + second["results"]] == ["release", "accrual"]
    assert second["next"] is None


def test_nobody__gets_nothing(api: APIClient, db: None) -> None:
    answers = {path: api.get(path) for path in (EVENTS, WALLET, CONVERSIONS, IMPORTS)}

    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(answers, 401)
    assert all(answer.headers["Content-Type"] == "application/problem+json" for answer in answers.values())


@pytest.mark.parametrize("path", [EVENTS, CONVERSIONS, IMPORTS])
def test_more_rows__take_no_more_queries(api_of: ApiOf, make_user: MakeUser, tmp_path: Path, path: str) -> None:
    client = api_of(make_user(groups=["finance"]))
    import_lines(tmp_path, [line("1", customer="1.0")])
    client.get(path)
    with CaptureQueriesContext(connection) as few:
        client.get(path)

    for number in range(2, 6):
        import_lines(tmp_path, [line(str(number), customer=f"{number}.0")])
    with CaptureQueriesContext(connection) as many:
        assert len(client.get(path).json()["results"]) == 5

    assert len(many) == len(few)


# --- conversions ---


def test_operator__sees_conversions(api_of: ApiOf, operator: User, job: ImportJob) -> None:
    client = api_of(operator)

    [cancellation, *_] = client.get(CONVERSIONS, {"is_cancellation": True}).json()["results"]
    [purchase] = client.get(CONVERSIONS, {"external_id": "1", "network": "online-retail"}).json()["results"]

    assert (cancellation["external_id"], cancellation["gross_minor"], cancellation["cancelled_minor"]) == (
        "C3",
        -1000,
        1000,
    )
    assert (purchase["gross_minor"], purchase["cancelled_minor"], purchase["buyer_ref"]) == (2000, 1000, "17850")
    assert purchase["cashback_event"] == str(CashbackEvent.objects.get(conversion__external_id="1").public_id)
    assert client.get(f"{CONVERSIONS}{purchase['id']}").json() == purchase
    assert client.get(f"{CONVERSIONS}{uuid4()}").status_code == 404


@pytest.mark.parametrize("path", [CONVERSIONS, IMPORTS])
def test_customer__is_no_operator(api_of: ApiOf, user: User, job: ImportJob, path: str) -> None:
    client = api_of(user)
    ids = [Conversion.objects.all()[0].public_id, job.public_id]

    answers = [client.get(path), *(client.get(f"{path}{each}") for each in ids)]

    assert {answer.status_code for answer in answers} == {403}
    assert upload(client, content_of(*LINES)).status_code == 403


# --- imports ---


def test_upload__is_imported_by_an_importer(api_of: ApiOf, operator: User, drain: Callable[[], int]) -> None:
    client = api_of(operator)

    answer = upload(client, content_of(*LINES), network="online-retail")

    job = answer.json()
    assert (answer.status_code, job["state"], job["progress"], job["network"]) == (
        201,
        "uploaded",
        0.0,
        "online-retail",
    )
    assert OutboxMessage.objects.get(topic="imports").state == "pending"
    drain()
    done = client.get(f"{IMPORTS}{job['id']}").json()
    assert (done["state"], done["progress"]) == ("done_with_errors", 1.0)
    assert (done["lines"], done["rejected"], done["conversions"], done["clawbacks"]) == (4, 1, 3, 1)
    assert done["reasons"] == {"missing_customer": 1}
    assert ImportJob.objects.get().created_by == operator
    assert not ImportJob.objects.get().parts.exists()


def test_upload_without_a_network__is_found_out_by_its_columns(api_of: ApiOf, operator: User) -> None:
    answer = upload(api_of(operator), content_of(*LINES))

    assert (answer.status_code, answer.json()["network"]) == (201, "online-retail")


def test_the_same_file_again__is_the_same_job(api_of: ApiOf, operator: User, drain: Callable[[], int]) -> None:
    client = api_of(operator)
    first = upload(client, content_of(*LINES))
    drain()

    again = upload(client, content_of(*LINES))

    assert (again.status_code, again.json()["id"], again.json()["state"]) == (
        200,
        first.json()["id"],
        "done_with_errors",
    )
    assert ImportJob.objects.count() == 1
    assert not OutboxMessage.objects.filter(topic="imports").exclude(state="delivered").exists()


def test_the_same_key__gets_the_same_answer(api_of: ApiOf, operator: User) -> None:
    client = api_of(operator)

    first, again = (upload(client, content_of(*LINES), key="upload-1") for _ in range(2))
    other = upload(client, content_of(*LINES[:1]), key="upload-1")

    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert ImportJob.objects.count() == 1


def test_failed_import__goes_on_when_its_file_comes_again(
    api_of: ApiOf, operator: User, drain: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cashback.services.imports import running

    client = api_of(operator)
    with monkeypatch.context() as broken:
        broken.setattr(running, "apply", lambda *args, **kwargs: 1 / 0)
        upload(client, content_of(*LINES))
        drain()
    job = ImportJob.objects.get()
    assert (job.state, job.error) == ("failed", "ZeroDivisionError: division by zero")
    OutboxMessage.objects.filter(topic="imports").delete()

    upload(client, content_of(*LINES))
    drain()

    job.refresh_from_db()
    assert (job.state, job.lines, job.error) == ("done_with_errors", 4, "")


def test_file_without_the_columns__is_refused(api_of: ApiOf, operator: User, drain: Callable[[], int]) -> None:
    client = api_of(operator)

    guessed = upload(client, b"a,b\n1,2\n")
    named = upload(client, b"a,b\n1,2\n", network="online-retail")
    drain()

    assert (guessed.status_code, guessed.json()["code"]) == (400, "unreadable_file")
    assert named.status_code == 201
    job = client.get(f"{IMPORTS}{named.json()['id']}").json()
    assert job["state"] == "failed"
    assert "no column" in job["error"]


def test_senseless_upload__is_refused(api_of: ApiOf, operator: User, settings: Settings) -> None:
    settings.IMPORT_MAX_BYTES = 1 << 20
    client = api_of(operator)
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


def test_long_file__is_worked_on_in_turns(
    api_of: ApiOf, operator: User, drain: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cashback.services.imports import queue, staging

    monkeypatch.setattr(queue, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(staging, "CHUNK_LINES", 1)
    upload(api_of(operator), content_of(*LINES))

    turns = 0
    while not ImportJob.objects.get().is_finished and turns < 50:
        OutboxMessage.objects.filter(topic="imports").update(due_at=timezone.now())
        drain()
        turns += 1

    assert len(LINES) < turns < 50
    assert OutboxMessage.objects.get(topic="imports").attempts == 0


def test_rows__are_shown_in_order_and_by_outcome(api_of: ApiOf, operator: User, job: ImportJob) -> None:
    client = api_of(operator)
    rows = f"{IMPORTS}{job.public_id}/rows"

    everything = client.get(rows, {"page_size": 3}).json()
    rest = client.get(everything["next"]).json()
    rejected = client.get(rows, {"outcome": "error"}).json()["results"]

    assert [row["row_no"] for row in everything["results"] + rest["results"]] == [1, 2, 3, 4]
    assert [(row["row_no"], row["reasons"], row["raw"]) for row in rejected] == [(4, ["missing_customer"], LINES[3])]
    assert len(client.get(f"{rows}/", {"outcome": "created"}).json()["results"]) == 3
    assert client.get(rows, {"outcome": "nonsense"}).status_code == 400
    assert client.get(f"{IMPORTS}{uuid4()}/rows").status_code == 404


def test_waiting_import__can_be_called_off(api_of: ApiOf, operator: User, drain: Callable[[], int]) -> None:
    client = api_of(operator)
    job = upload(client, content_of(*LINES)).json()["id"]

    cancelled = client.post(f"{IMPORTS}{job}/cancel")
    again = client.post(f"{IMPORTS}{job}/cancel")
    drain()

    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")
    assert not Conversion.objects.exists()
    assert not OutboxMessage.objects.filter(state="dead").exists()
    assert upload(client, content_of(*LINES)).status_code == 201
