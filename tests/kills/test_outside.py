"""Killed with something on its way to the outside: webhooks, payouts, letters."""

from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from functools import partial
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from cashback.models import AccountKind, SandboxTransfer
from cashback.services import (
    approve_payout,
    open_wallets,
    platform_account,
    poll_payouts,
    request_payout,
    retry_payout,
)
from cashback.tests.factories import balance, fund
from events.models import WebhookDelivery
from events.services.webhooks import create_endpoint, deliver_due
from events.tests.receiver import Receiver
from orders.gifts import GiftMode, GiftWish
from orders.models import Order
from tests.crowd import KILLED, Crowd
from tests.kills.afterwards import broken, come_to_rest, relay_the_rest, repeated
from tests.kills.stages import Stage, work
from vouchers.links import gift_url
from vouchers.services import create_gift
from vouchers.tests.factories import new_voucher

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(Stage("events.services.webhooks.deliveries:post", "before"), id="not-sent"),
        pytest.param(Stage("events.services.webhooks.deliveries:post", "after"), id="sent-not-noted"),
        pytest.param(Stage("events.services.webhooks.deliveries:record", "after"), id="sent-and-noted"),
    ],
)
def test_worker_killed_with_a_webhook__the_shop_front_hears_of_each_event_under_one_id(
    crowd: Crowd, receiver: Receiver, order: Order, stage: Stage
) -> None:
    create_endpoint(url=receiver.url, topics=["order.reserved"])
    relay_the_rest()

    assert crowd.at_once(partial(work, stage=stage, topics=("webhooks",))) == [KILLED]

    deliver_due(at=timezone.now())
    delivery = WebhookDelivery.objects.get()
    assert delivery.state == "delivered"
    assert {call.headers["webhook-id"] for call in receiver.calls} == {str(delivery.event_id)}


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(Stage("cashback.services.payouts.sending:claim", "before"), id="begun"),
        pytest.param(Stage("cashback.services.payouts.sending:claim", "after"), id="claimed-bank-not-asked"),
        pytest.param(Stage("cashback.providers:SandboxBank.send", "after"), id="bank-asked-not-noted"),
        pytest.param(Stage("cashback.services.payouts.sending:apply_report", "after"), id="bank-asked-and-noted"),
    ],
)
def test_worker_killed_with_a_payout__the_money_goes_out_once(
    crowd: Crowd, user: User, operator: User, settings: Settings, stage: Stage
) -> None:
    wallet = open_wallets(owners=[user], currency="GBP")[user.pk, AccountKind.AVAILABLE]
    fund(wallet, platform_account(kind=AccountKind.ACCRUAL, currency="GBP"), amount_minor=1000)
    payout = request_payout(
        buyer=user, amount_minor=700, currency="GBP", destination="GB33", key="one", actor=user, at=timezone.now()
    )
    approve_payout(payout=payout, actor=operator, at=timezone.now())

    assert crowd.at_once(partial(work, stage=stage)) == [KILLED]

    come_to_rest()
    settings.PAYOUT_ABANDON_SECONDS = 60
    poll_payouts(at=timezone.now() + timedelta(hours=1))
    payout.refresh_from_db()
    if payout.state == "failed":  # the bank never heard of it: for people to send again
        retry_payout(payout=payout, actor=operator)
        come_to_rest()
        payout.refresh_from_db()
    assert payout.state == "paid"
    assert list(SandboxTransfer.objects.values_list("amount_minor", "asked")) == [(700, 1)]
    assert balance(wallet) == 300
    assert broken() == {}


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(Stage("vouchers.services.sending:send_gift", "before"), id="mailed-not-noted"),
        pytest.param(Stage("vouchers.services.sending:send_gift", "after"), id="mailed-and-noted"),
    ],
)
def test_worker_killed_with_a_gift__every_letter_has_the_one_link(
    crowd: Crowd, user: User, settings: Settings, tmp_path: Path, stage: Stage
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path)
    wish = GiftWish(mode=GiftMode.EMAIL, recipient_email="friend@example.com")
    gift = create_gift(voucher=new_voucher(user), giver=user, wish=wish, at=timezone.now())

    assert crowd.at_once(partial(work, stage=stage)) == [KILLED]

    come_to_rest()
    gift.refresh_from_db()
    letters = [message_from_bytes(path.read_bytes(), policy=default) for path in tmp_path.iterdir()]
    texts = [text.get_content() for letter in letters if (text := letter.get_body(("plain",)))]
    assert gift.state == "sent"
    assert [text for text in texts if gift_url(gift) in text] == texts != []
    assert repeated() == []
