from datetime import timedelta

import pytest
from django.utils import timezone

from payments.models import ReceiptOutcome, WebhookReceipt
from payments.services import forget_receipts

pytestmark = pytest.mark.django_db


def receipt(event_id: str, *, days: int, outcome: ReceiptOutcome) -> None:
    made = WebhookReceipt.objects.create(
        provider="sandbox", event_id=event_id, event_type="x", body="{}", verified=True, outcome=outcome
    )
    WebhookReceipt.objects.filter(pk=made.pk).update(received_at=timezone.now() - timedelta(days=days))


def test_old_receipts__go_unless_they_wait() -> None:
    receipt("old", days=91, outcome=ReceiptOutcome.APPLIED)
    receipt("waiting", days=91, outcome=ReceiptOutcome.WAITING)
    receipt("young", days=89, outcome=ReceiptOutcome.IGNORED)

    assert forget_receipts(before=timezone.now() - timedelta(days=90)) == 1

    assert set(WebhookReceipt.objects.values_list("event_id", flat=True)) == {"waiting", "young"}


def test_many__go_a_few_at_a_time() -> None:
    for number in range(3):
        receipt(str(number), days=91, outcome=ReceiptOutcome.APPLIED)

    assert forget_receipts(before=timezone.now(), limit=2) == 2
