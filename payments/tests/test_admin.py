"""What finance does in the admin goes through the services."""

import pytest
from django.test import Client

from accounts.models import User
from conftest import MakeUser
from payments.models import Payment, Refund, RefundState, WebhookReceipt
from payments.services import request_refund

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(make_user: MakeUser, client: Client) -> Client:
    """Somebody of finance, signed in."""
    client.force_login(make_user(groups=["finance"], is_staff=True))
    return client


@pytest.fixture
def failed(captured_payment: Payment) -> Refund:
    refund = request_refund(payment=captured_payment, amount_minor=500, reason="asked", key="one")
    Refund.objects.update(state=RefundState.FAILED)
    return refund


@pytest.mark.parametrize("model", ["payment", "refund", "webhookreceipt"])
def test_lists_and_pages__open_and_nothing_is_edited(desk: Client, failed: Refund, model: str) -> None:
    WebhookReceipt.objects.create(provider="sandbox", event_id="evt_1", event_type="x", body="{}", verified=True)
    rows = {"payment": Payment, "refund": Refund, "webhookreceipt": WebhookReceipt}
    pk = rows[model]._default_manager.get().pk

    assert desk.get(f"/admin/payments/{model}/").status_code == 200
    assert desk.get(f"/admin/payments/{model}/?q=x").status_code == 200
    assert desk.get(f"/admin/payments/{model}/{pk}/change/").status_code == 200
    assert desk.post(f"/admin/payments/{model}/{pk}/change/", {}).status_code == 403
    assert desk.get(f"/admin/payments/{model}/add/").status_code == 403
    assert desk.get(f"/admin/payments/{model}/{pk}/delete/").status_code == 403


def press(client: Client, action: str, refund: Refund) -> str:
    answer = client.post("/admin/payments/refund/", {"action": action, "_selected_action": [refund.pk]}, follow=True)
    refund.refresh_from_db()
    return answer.content.decode()


def test_failed_refund__is_sent_again(desk: Client, failed: Refund) -> None:
    press(desk, "retry", failed)

    assert failed.state == RefundState.IN_TRANSIT


def test_failed_refund__is_given_up(desk: Client, failed: Refund, captured_payment: Payment) -> None:
    press(desk, "give_up", failed)

    captured_payment.refresh_from_db()
    assert failed.state == RefundState.CANCELLED
    assert captured_payment.refunding_minor == 0


def test_refund_that_did_not_fail__says_so(desk: Client, failed: Refund) -> None:
    Refund.objects.update(state=RefundState.DONE)

    page = press(desk, "retry", failed)

    assert failed.state == RefundState.DONE
    assert "only a failed one is sent again" in page


def test_operator_without_the_right__does_neither(operator: User, client: Client, failed: Refund) -> None:
    client.force_login(operator)

    press(client, "give_up", failed)

    assert failed.state == RefundState.FAILED
