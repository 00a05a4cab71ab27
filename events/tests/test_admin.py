"""The outbox in the admin."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from events.models import EventStatus, MessageState, OutboxChannel, OutboxEvent, OutboxMessage
from events.tests.test_replay_and_purge import make_event

MakeMessage = Callable[..., OutboxMessage]
CONFIRMED = {"_form_submitted": "True"}
MESSAGES, EVENTS, CHANNELS = (f"/admin/events/{name}/" for name in ("outboxmessage", "outboxevent", "outboxchannel"))


@pytest.fixture
def admin(operator: User) -> Client:
    client = Client()
    client.force_login(operator)
    return client


def test_lists__show_state_and_error(admin: Client, make_message: MakeMessage) -> None:
    make_message(state="dead", finished_at=timezone.now(), last_error="ValueError: no stock")
    make_event(status=EventStatus.DEAD, last_error="the payload is not JSON")
    OutboxChannel.objects.create(channel="events:orders", epoch="cafe")

    assert "ValueError: no stock" in admin.get(MESSAGES).content.decode()
    assert "the payload is not JSON" in admin.get(EVENTS).content.decode()
    assert "cafe" in admin.get(CHANNELS).content.decode()


def test_rows__can_be_read_and_not_written(admin: Client, make_message: MakeMessage) -> None:
    message, event = make_message(), make_event()

    for address in (f"{MESSAGES}{message.pk}/change/", f"{EVENTS}{event.pk}/change/"):
        page = admin.get(address)
        assert page.status_code == 200
        assert 'name="payload"' not in page.content.decode()
    assert admin.get(f"{MESSAGES}add/").status_code == 403
    assert admin.post(f"{MESSAGES}{message.pk}/delete/", {"post": "yes"}).status_code == 403
    assert OutboxMessage.objects.exists()


@pytest.mark.parametrize(("action", "left"), [("replay", ["pending", "pending"]), ("purge", ["pending"])])
def test_action__touches_dead_messages_only(
    admin: Client, make_message: MakeMessage, action: str, left: list[str]
) -> None:
    chosen = [make_message(), make_message(state="dead", finished_at=timezone.now())]

    answer = admin.post(
        MESSAGES,
        {"action": action, "_selected_action": [message.pk for message in chosen], "confirmed": "yes"},
        follow=True,
    )

    assert "1 were not dead" in answer.content.decode()
    assert sorted(OutboxMessage.objects.values_list("state", flat=True)) == left


@pytest.mark.parametrize(("action", "left"), [("replay", [EventStatus.QUEUED]), ("purge", [])])
def test_action__works_on_dead_events(admin: Client, action: str, left: list[int]) -> None:
    event = make_event(status=EventStatus.DEAD)

    admin.post(EVENTS, {"action": action, "_selected_action": [event.pk], "confirmed": "yes"})

    assert list(OutboxEvent.objects.values_list("status", flat=True)) == left


@pytest.mark.parametrize(
    ("verb", "states"), [("replay", (MessageState.PENDING, EventStatus.QUEUED)), ("purge", (None, None))]
)
def test_page_of_a_dead_row__offers_both_and_does_them(
    admin: Client, make_message: MakeMessage, verb: str, states: tuple[str | None, int | None]
) -> None:
    message = make_message(state="dead", finished_at=timezone.now(), last_error="ValueError: <no> stock")
    event = make_event(status=EventStatus.DEAD, payload="no JSON {")

    for name, row in (("outboxmessage", message), ("outboxevent", event)):
        page = admin.get(f"/admin/events/{name}/{row.pk}/change/").content.decode()
        links = [f"/admin/events/{name}/{row.pk}/{each}_one/" for each in ("replay", "purge")]
        assert all(link in page for link in links)
        assert 'name="_save"' not in page
        assert admin.post(f"/admin/events/{name}/{row.pk}/{verb}_one/", CONFIRMED).headers["HX-Redirect"]

    assert OutboxMessage.objects.values_list("state", flat=True).first() == states[0]
    assert OutboxEvent.objects.values_list("status", flat=True).first() == states[1]


def test_page_of_any_other_row__offers_nothing(admin: Client, make_message: MakeMessage) -> None:
    for name, row in (("outboxmessage", make_message()), ("outboxevent", make_event())):
        assert "_one/" not in admin.get(f"/admin/events/{name}/{row.pk}/change/").content.decode()


def test_search__finds_by_what_an_operator_has_at_hand(admin: Client, make_message: MakeMessage) -> None:
    order, request = str(uuid4()), uuid4().hex
    found = make_message(
        handler="a.found", payload={"order": order}, headers={"request_id": request}, last_error="no stock"
    )
    event = make_event(event_type="sample.found", aggregate_id=order, headers={"request_id": request})
    make_message(handler="b.other")
    make_event(event_type="sample.other")

    for words in (str(found.pk), order, request, "no stock", "a.found"):
        page = admin.get(MESSAGES, {"q": words}).content.decode()
        assert "a.found" in page, words
        assert "b.other" not in page, words
    for words in (str(event.event_id), order, request):
        page = admin.get(EVENTS, {"q": words}).content.decode()
        assert f"{event.pk}/change/" in page, words
        assert page.count("/change/") == 1, words


def test_filters__ask_no_long_table_for_what_the_code_knows(
    admin: Client, make_message: MakeMessage, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    make_message(topic="orders", handler="a.found")
    make_message(topic="payments", handler="b.other")

    with django_assert_max_num_queries(20) as asked:
        page = admin.get(MESSAGES, {"topic": "orders", "event": ""}).content.decode()

    assert "a.found" in page
    assert "b.other" not in page
    assert not [query for query in asked.captured_queries if "DISTINCT" in query["sql"]]


def test_customer__is_sent_away(user: User) -> None:
    client = Client()
    client.force_login(user)

    assert client.get(MESSAGES).status_code == 302
