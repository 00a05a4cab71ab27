"""Endpoints and deliveries in the admin."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from events.models import DeliveryState, EndpointState, WebhookDelivery, WebhookEndpoint
from events.services.webhooks import deliver_due, disable_endpoint
from events.tests.clients import tell
from events.tests.receiver import Receiver, Reply
from events.tests.samples import Moved

ENDPOINTS, DELIVERIES = "/admin/events/webhookendpoint/", "/admin/events/webhookdelivery/"


@pytest.fixture
def desk(operator: User) -> Client:
    client = Client()
    client.force_login(operator)
    return client


def act(desk: Client, address: str, action: str, row: Any) -> str:
    answer = desk.post(address, {"action": action, "_selected_action": [row.pk]}, follow=True)
    return answer.content.decode()


def press(desk: Client, endpoint: WebhookEndpoint, verb: str) -> None:
    """A button of the endpoint's page, and its confirmation."""
    answer = desk.post(reverse(f"admin:events_webhookendpoint_{verb}", args=[endpoint.pk]), {"_form_submitted": "True"})
    assert answer.headers["HX-Redirect"] == f"{ENDPOINTS}{endpoint.pk}/change/", answer.content.decode()


def page(desk: Client, address: str) -> str:
    answer = desk.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_new_endpoint__is_made_by_the_service_and_its_secret_shown_once(desk: Client, receiver: Receiver) -> None:
    body = {"url": receiver.url, "topics": ["sample.moved"], "description": "Shop"}

    text = desk.post(f"{ENDPOINTS}add/", body, follow=True).content.decode()

    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.topics, endpoint.description) == (["sample.moved"], "Shop")
    assert "The secret is whsec_" in text
    assert "whsec_" not in page(desk, f"{ENDPOINTS}{endpoint.pk}/change/")


def test_address_that_is_refused__is_an_error_of_the_form(desk: Client) -> None:
    answer = desk.post(f"{ENDPOINTS}add/", {"url": "https://10.0.0.1/", "topics": ["*"]})

    assert "not on the public internet" in answer.content.decode()
    assert not WebhookEndpoint.objects.exists()


def test_change__goes_through_the_service(desk: Client, endpoint: WebhookEndpoint) -> None:
    secret = endpoint.secret

    desk.post(f"{ENDPOINTS}{endpoint.pk}/change/", {"url": endpoint.url, "topics": ["*"], "description": "Till"})

    endpoint.refresh_from_db()
    assert (endpoint.description, endpoint.topics, endpoint.secret) == ("Till", ["*"], secret)


def test_list__shows_health_at_a_glance(desk: Client, endpoint: WebhookEndpoint, receiver: Receiver) -> None:
    assert "never" in page(desk, ENDPOINTS)
    receiver.replies = [Reply(200), Reply(200), Reply(200), Reply(500)]
    for step in range(4):
        tell(Moved(thing=uuid4(), step=step))
        deliver_due(at=timezone.now())

    text = page(desk, ENDPOINTS)

    assert "75.0% of 4" in text
    assert "failing" in text
    assert "less than a minute ago, failing for less than a minute" in text


def test_buttons__rotate_test_disable_and_enable(desk: Client, endpoint: WebhookEndpoint) -> None:
    for verb in ("rotate", "send_test", "disable"):
        press(desk, endpoint, verb)

    text = page(desk, f"{ENDPOINTS}{endpoint.pk}/change/")
    endpoint.refresh_from_db()
    assert (endpoint.old_secret != "", WebhookDelivery.objects.count(), endpoint.state) == (True, 1, "disabled")
    assert "The secret is whsec_" in text
    assert "State history" in text
    assert "By an operator" in text
    press(desk, endpoint, "enable")
    endpoint.refresh_from_db()
    assert endpoint.state == EndpointState.ENABLED


def test_actions_of_the_list__tell_what_was_refused(desk: Client, endpoint: WebhookEndpoint) -> None:
    assert "A test event is on its way" in act(desk, ENDPOINTS, "test_selected", endpoint)
    act(desk, ENDPOINTS, "disable_selected", endpoint)
    assert "enable it first" in act(desk, ENDPOINTS, "test_selected", endpoint)
    assert "it can&#x27;t become disabled" in act(desk, ENDPOINTS, "disable_selected", endpoint)
    act(desk, ENDPOINTS, "enable_selected", endpoint)

    endpoint.refresh_from_db()
    assert endpoint.state == EndpointState.ENABLED


@pytest.mark.parametrize("way", ["button", "action"])
def test_endpoint_that_is_removed__takes_its_deliveries_along(
    desk: Client, endpoint: WebhookEndpoint, way: str
) -> None:
    tell(Moved(thing=uuid4(), step=1))

    if way == "button":
        desk.post(f"{ENDPOINTS}{endpoint.pk}/delete/", {"post": "yes"})
    else:
        desk.post(ENDPOINTS, {"action": "delete_selected", "_selected_action": [endpoint.pk], "post": "yes"})

    assert not WebhookEndpoint.objects.exists()
    assert not WebhookDelivery.objects.exists()


def test_delivery__shows_request_answer_and_every_attempt(
    desk: Client, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    receiver.replies = [Reply(500, body=b"<b>broken</b>")]
    tell(Moved(thing=uuid4(), step=41))
    deliver_due(at=timezone.now())
    delivery = WebhookDelivery.objects.get()

    assert "answered 500" in page(desk, DELIVERIES)
    text = page(desk, f"{DELIVERIES}{delivery.pk}/change/")
    assert "&quot;step&quot;:41" in text
    assert "&lt;b&gt;broken&lt;/b&gt;" in text
    assert receiver.url in text
    assert 'name="body"' not in text


def test_replay__sends_what_has_ended_again(desk: Client, endpoint: WebhookEndpoint) -> None:
    tell(Moved(thing=uuid4(), step=1))
    assert "can&#x27;t become pending" in act(desk, DELIVERIES, "replay", WebhookDelivery.objects.get())
    deliver_due(at=timezone.now())

    text = act(desk, DELIVERIES, "replay", WebhookDelivery.objects.get())

    assert "1 will be sent again" in text
    assert WebhookDelivery.objects.get().state == DeliveryState.PENDING
    disable_endpoint(endpoint=endpoint, reason="")
    WebhookDelivery.objects.update(state="failed", finished_at=timezone.now())
    assert "enable it first" in act(desk, DELIVERIES, "replay", WebhookDelivery.objects.get())


def test_customer__is_sent_away(user: User) -> None:
    client = Client()
    client.force_login(user)

    assert client.get(ENDPOINTS).status_code == 302
    assert client.get(DELIVERIES).status_code == 302
