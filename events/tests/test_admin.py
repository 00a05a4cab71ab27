"""The outbox in the admin."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from events.models import EventStatus, OutboxChannel, OutboxEvent, OutboxMessage
from events.tests.test_replay_and_purge import make_event

MakeMessage = Callable[..., OutboxMessage]
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
        MESSAGES, {"action": action, "_selected_action": [message.pk for message in chosen]}, follow=True
    )

    assert "1 were not dead" in answer.content.decode()
    assert sorted(OutboxMessage.objects.values_list("state", flat=True)) == left


@pytest.mark.parametrize(("action", "left"), [("replay", [EventStatus.QUEUED]), ("purge", [])])
def test_action__works_on_dead_events(admin: Client, action: str, left: list[int]) -> None:
    event = make_event(status=EventStatus.DEAD)

    admin.post(EVENTS, {"action": action, "_selected_action": [event.pk]})

    assert list(OutboxEvent.objects.values_list("status", flat=True)) == left


def test_customer__is_sent_away(user: User) -> None:
    client = Client()
    client.force_login(user)

    assert client.get(MESSAGES).status_code == 302
