"""What finance does in the admin goes through the services."""

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from conftest import MakeUser
from payments.models import Dispute, Payment, PaymentState, Refund, RefundState, SandboxCharge, WebhookReceipt
from payments.services import apply_payment_event, request_refund
from payments.tests.factories import charge_report

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


def contest(payment: Payment) -> None:
    Dispute.objects.create(
        payment=payment,
        provider="sandbox",
        provider_ref="dp_1",
        amount_minor=2000,
        state="open",
        poll_at=timezone.now(),
    )


@pytest.mark.parametrize("model", ["payment", "refund", "dispute", "webhookreceipt"])
def test_lists_and_pages__open_and_nothing_is_edited(desk: Client, failed: Refund, model: str) -> None:
    WebhookReceipt.objects.create(provider="sandbox", event_id="evt_1", event_type="x", body="{}", verified=True)
    contest(failed.payment)
    rows = {"payment": Payment, "refund": Refund, "dispute": Dispute, "webhookreceipt": WebhookReceipt}
    pk = rows[model]._default_manager.get().pk

    assert desk.get(f"/admin/payments/{model}/").status_code == 200
    assert desk.get(f"/admin/payments/{model}/?q=x").status_code == 200
    assert desk.get(f"/admin/payments/{model}/{pk}/change/").status_code == 200
    assert desk.post(f"/admin/payments/{model}/{pk}/change/", {}).status_code == 403
    assert desk.get(f"/admin/payments/{model}/add/").status_code == 403
    assert desk.get(f"/admin/payments/{model}/{pk}/delete/").status_code == 403


def press(client: Client, action: str, refund: Refund) -> str:
    answer = client.post(
        "/admin/payments/refund/", {"action": action, "_selected_action": [refund.pk], "confirmed": "yes"}, follow=True
    )
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


# --- payments ---

LIST = "/admin/payments/payment/"


@pytest.fixture
def authorized(payment: Payment) -> Payment:
    return apply_payment_event(event=charge_report(payment, PaymentState.AUTHORIZED))


def test_payment_page__shows_history_refunds_disputes_and_money(desk: Client, failed: Refund) -> None:
    contest(failed.payment)

    page = desk.get(f"{LIST}{failed.payment_id}/change/").content.decode()

    for shown in ("State history", "GBP 20.00", "GBP 5.00", "dp_1", "asked"):
        assert shown in page


@pytest.mark.parametrize("verb", ["capture", "void"])
def test_authorised_payments__are_decided_from_the_list(desk: Client, authorized: Payment, verb: str) -> None:
    desk.post(LIST, {"action": f"{verb}_selected", "_selected_action": [authorized.pk], "confirmed": "yes"})

    authorized.refresh_from_db()
    assert authorized.decision == verb


def test_payment_that_can_not_be_captured__says_so(desk: Client, captured_payment: Payment) -> None:
    answer = desk.post(LIST, {"action": "capture_selected", "_selected_action": [captured_payment.pk]})

    assert "no authorisation" in "".join(map(str, get_messages(answer.wsgi_request)))


def button(payment: Payment, verb: str) -> str:
    return reverse(f"admin:payments_payment_{verb}_one", args=[payment.pk])


def test_buttons__are_those_that_make_sense(desk: Client, authorized: Payment) -> None:
    path = f"{LIST}{authorized.pk}/change/"
    page = desk.get(path).content.decode()
    assert button(authorized, "capture") in page
    assert button(authorized, "void") in page

    assert "The money is taken" in desk.get(button(authorized, "capture")).content.decode()
    assert Payment.objects.get().decision == ""  # asked, not answered
    desk.post(button(authorized, "capture"), {"reason": "goods are ready", "_form_submitted": "True"})
    page = desk.get(path).content.decode()

    authorized.refresh_from_db()
    assert authorized.decision == "capture"
    assert "goods are ready" in page
    assert button(authorized, "capture") not in page
    assert button(authorized, "void") not in page
    assert button(authorized, "poll") in page


@pytest.mark.django_db(transaction=True)
def test_asked_now__the_provider_says_how_it_stands(bank: None, desk: Client, payment: Payment) -> None:
    SandboxCharge.objects.create(
        key=payment.public_id, amount_minor=2000, currency="GBP", method="card", state="captured"
    )

    desk.post(LIST, {"action": "poll_selected", "_selected_action": [payment.pk]})

    payment.refresh_from_db()
    assert payment.state == PaymentState.CAPTURED


def test_who_may_only_look__decides_nothing(make_user: MakeUser, client: Client, authorized: Payment) -> None:
    clerk = make_user(is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_payment"))
    client.force_login(clerk)

    client.post(LIST, {"action": "capture_selected", "_selected_action": [authorized.pk]})

    assert client.get(button(authorized, "capture")).status_code == 403
    authorized.refresh_from_db()
    assert authorized.decision == ""


def test_webhook_page__shows_the_body_as_it_came(desk: Client) -> None:
    receipt = WebhookReceipt.objects.create(
        provider="stripe", event_id="evt_1", event_type="x", body='{"id":"evt_1", "note":"<b>"}', verified=True
    )

    page = desk.get(f"/admin/payments/webhookreceipt/{receipt.pk}/change/").content.decode()

    assert "{&quot;id&quot;:&quot;evt_1&quot;, &quot;note&quot;:&quot;&lt;b&gt;&quot;}" in page
