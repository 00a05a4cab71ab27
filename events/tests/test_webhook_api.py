"""`/api/v1/webhook-endpoints/` and `/api/v1/webhook-deliveries/`."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from coupon_site.models import IdempotencyRecord
from events.models import DeliveryState, EndpointState, WebhookDelivery, WebhookEndpoint
from events.services.webhooks import create_endpoint, deliver_due
from events.tests.clients import tell
from events.tests.receiver import Receiver, Reply
from events.tests.samples import Moved

ENDPOINTS, DELIVERIES = "/api/v1/webhook-endpoints/", "/api/v1/webhook-deliveries/"
ApiOf = Callable[[User], APIClient]


@pytest.fixture
def staff(operator: User, api_of: ApiOf) -> APIClient:
    return api_of(operator)


def post(client: APIClient, address: str, body: Any = None, *, key: str = "") -> Any:
    return client.post(address, body, headers={"Idempotency-Key": key or str(uuid4())})


def of(endpoint: WebhookEndpoint, verb: str = "") -> str:
    return f"{ENDPOINTS}{endpoint.public_id}/{verb}"


# --- Endpoints -------------------------------------------------------------------------------------------------------
def test_new_endpoint__shows_its_secret_once(staff: APIClient, operator: User, receiver: Receiver) -> None:
    body = {"url": receiver.url, "topics": ["sample.*"], "description": "Shop"}

    first = post(staff, ENDPOINTS, body, key="key-1")
    again = post(staff, ENDPOINTS, body, key="key-1")

    assert first.status_code == again.status_code == 201
    secret = first.json().pop("secret")
    assert secret.startswith("whsec_")
    assert again.json() == {**first.json(), "secret": None}
    assert secret not in str(list(IdempotencyRecord.objects.values()))
    assert "secret" not in staff.get(ENDPOINTS).json()["results"][0]
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.url, endpoint.topics, endpoint.created_by) == (receiver.url, ["sample.*"], operator)
    tell(Moved(thing=uuid4(), step=1))
    deliver_due(at=timezone.now())
    assert receiver.calls[0].verified(secret)["type"] == "sample.moved"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"url": "https://127.0.0.1/"}, 422, "webhook_address_refused"),
        ({"url": "http://8.8.8.8/"}, 422, "webhook_address_refused"),
        ({"url": "https://me:secret@8.8.8.8/"}, 422, "webhook_address_refused"),
        ({"topics": ["sample.moved", "order.painted"]}, 422, "webhook_topics_unknown"),
        ({"topics": []}, 400, "invalid"),
        ({"topics": "sample.moved"}, 400, "invalid"),
        ({"url": ""}, 400, "invalid"),
        ({"secret": "whsec_mine"}, 400, "invalid"),
    ],
    ids=["private", "no TLS", "password", "unknown topic", "no topic", "no list", "no address", "own secret"],
)
def test_endpoint_that_cannot_be__is_refused(staff: APIClient, change: dict[str, Any], status: int, code: str) -> None:
    answer = post(staff, ENDPOINTS, {"url": "https://8.8.8.8/", "topics": ["*"], **change})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not WebhookEndpoint.objects.exists()


def test_endpoint__is_changed_in_what_is_given(staff: APIClient, endpoint: WebhookEndpoint) -> None:
    answer = staff.patch(of(endpoint), {"topics": ["sample.moved"]})

    assert answer.status_code == 200
    endpoint.refresh_from_db()
    assert (answer.json()["topics"], answer.json()["url"]) == (["sample.moved"], endpoint.url)
    assert endpoint.topics == ["sample.moved"]
    assert staff.patch(of(endpoint), {"url": "https://"}).status_code == 422


def test_rotation__shows_the_new_secret_once(staff: APIClient, endpoint: WebhookEndpoint, receiver: Receiver) -> None:
    first = post(staff, of(endpoint, "rotate/"), key="key-2")
    again = post(staff, of(endpoint, "rotate/"), key="key-2")

    assert (first.status_code, again.status_code, again.json()["secret"]) == (200, 200, None)
    assert first.json()["old_secret_ends_at"] == again.json()["old_secret_ends_at"]
    post(staff, of(endpoint, "test/"))
    deliver_due(at=timezone.now())
    assert receiver.calls[0].verified(first.json()["secret"])


def test_test__sends_an_event_whose_delivery_can_be_looked_at(
    staff: APIClient, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    receiver.replies = [Reply(418, body=b"short and stout")]

    answer = post(staff, of(endpoint, "test/"))
    deliver_due(at=timezone.now())

    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    seen = staff.get(f"{DELIVERIES}{answer.json()['id']}/").json()
    assert (seen["last_status"], seen["last_error"], seen["response_excerpt"]) == (
        418,
        "answered 418",
        "short and stout",
    )
    assert seen["log"][0]["status"] == 418


def test_disabled_endpoint__is_enabled_again(staff: APIClient, endpoint: WebhookEndpoint) -> None:
    answer = staff.post(of(endpoint, "disable/"))

    assert (answer.status_code, answer.json()["state"], answer.json()["disabled_reason"]) == (
        200,
        "disabled",
        "By an operator",
    )
    assert staff.post(of(endpoint, "disable/")).json()["code"] == "illegal_transition"
    assert post(staff, of(endpoint, "test/")).json()["code"] == "webhook_endpoint_disabled"
    assert staff.post(of(endpoint, "enable/")).json()["state"] == EndpointState.ENABLED


def test_endpoint_that_is_removed__takes_its_deliveries_along(staff: APIClient, endpoint: WebhookEndpoint) -> None:
    tell(Moved(thing=uuid4(), step=1))

    assert staff.delete(of(endpoint)).status_code == 204

    assert not WebhookEndpoint.objects.exists()
    assert not WebhookDelivery.objects.exists()


# --- Deliveries ------------------------------------------------------------------------------------------------------
def test_filters__narrow_the_log(staff: APIClient, endpoint: WebhookEndpoint, receiver: Receiver) -> None:
    other, _ = create_endpoint(url=receiver.url, topics=["flag.*"])
    tell(Moved(thing=uuid4(), step=1))
    deliver_due(at=timezone.now())
    tell(Moved(thing=uuid4(), step=2))

    def number(**query: str) -> int:
        return len(staff.get(DELIVERIES, query).json()["results"])

    assert (number(), number(state="delivered"), number(state="failed")) == (2, 1, 0)
    assert (number(endpoint=str(endpoint.public_id)), number(endpoint=str(other.public_id))) == (2, 0)
    assert (number(event_type="sample.moved"), number(event_type="sample.noted")) == (2, 0)
    assert staff.get(DELIVERIES, {"state": "lost"}).status_code == 400
    assert staff.get(DELIVERIES, {"endpoint": "x"}).status_code == 400


def test_replay__sends_again_what_has_ended(staff: APIClient, endpoint: WebhookEndpoint, receiver: Receiver) -> None:
    tell(Moved(thing=uuid4(), step=1))
    delivery = WebhookDelivery.objects.get()
    address = f"{DELIVERIES}{delivery.public_id}/replay/"
    assert staff.post(address).json()["code"] == "illegal_transition"
    deliver_due(at=timezone.now())

    answer = staff.post(address)

    assert (answer.status_code, answer.json()["state"], answer.json()["attempts"]) == (200, DeliveryState.PENDING, 0)
    assert deliver_due(at=timezone.now()) == 1
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == 1


# --- Who may ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("get", ENDPOINTS),
        ("post", ENDPOINTS),
        ("get", "{endpoint}"),
        ("patch", "{endpoint}"),
        ("delete", "{endpoint}"),
        ("post", "{endpoint}rotate/"),
        ("post", "{endpoint}test/"),
        ("post", "{endpoint}disable/"),
        ("get", DELIVERIES),
        ("post", "{delivery}replay/"),
    ],
)
def test_others__may_nothing(
    *, user: User, api: APIClient, api_of: ApiOf, endpoint: WebhookEndpoint, method: str, address: str
) -> None:
    tell(Moved(thing=uuid4(), step=1))
    delivery = f"{DELIVERIES}{WebhookDelivery.objects.get().public_id}/"
    address = address.format(endpoint=of(endpoint), delivery=delivery)

    assert getattr(api_of(user), method)(address, headers={"Idempotency-Key": "key"}).status_code == 403
    assert getattr(api, method)(address, headers={"Idempotency-Key": "key"}).status_code == 401
    assert WebhookEndpoint.objects.get().state == EndpointState.ENABLED
