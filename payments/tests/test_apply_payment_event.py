from itertools import permutations

import pytest
from prometheus_client import REGISTRY
from pytest_django import DjangoCaptureOnCommitCallbacks

from coupon_site.models import StateChange
from payments.errors import ReportMismatch
from payments.events import PaymentAuthorized, PaymentCaptured, PaymentFailed, PaymentRefunded
from payments.models import Payment, PaymentState, Refund
from payments.providers import ChargeReport
from payments.services import apply_payment_event, apply_report
from payments.tests.conftest import Books
from payments.tests.factories import charge_report, unknown_report
from payments.tests.races import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every event that is announced."""
    events: list[object] = []
    monkeypatch.setattr("payments.services.charge_outcomes.publish", events.append)
    return events


def test_captured__is_written_down_and_announced(payment: Payment, heard: list[object], broken: Books) -> None:
    applied = apply_payment_event(event=charge_report(payment))

    payment.refresh_from_db()
    assert applied.state == payment.state == PaymentState.CAPTURED
    assert (payment.captured_minor, payment.provider_ref) == (2000, f"sbx_ch_{payment.pk}")
    assert payment.captured_at is not None
    assert heard == [
        PaymentCaptured(payment=payment.public_id, reference=payment.reference, amount_minor=2000, currency="GBP")
    ]
    assert StateChange.objects.get(object_id=payment.public_id).to_state == "captured"
    assert broken() == {}


def test_failed__says_why(payment: Payment, heard: list[object]) -> None:
    apply_payment_event(event=charge_report(payment, PaymentState.FAILED, failure_code="card_declined"))

    payment.refresh_from_db()
    assert (payment.state, payment.failure_code, payment.captured_minor) == ("failed", "card_declined", 0)
    [event] = heard
    assert isinstance(event, PaymentFailed)
    assert event.failure_code == "card_declined"


def test_same_report_twice__is_news_once(payment: Payment, heard: list[object]) -> None:
    answers = [apply_report(event=charge_report(payment)).is_news for _ in range(2)]

    assert answers == [True, False]
    assert [type(event) for event in heard if not isinstance(event, PaymentAuthorized)] == [PaymentCaptured]
    assert StateChange.objects.count() == 1


STEPS = (PaymentState.PENDING, PaymentState.AUTHORIZED, PaymentState.CAPTURED)


@pytest.mark.parametrize("order", list(permutations(STEPS)))
def test_reports_in_any_order__end_captured(payment: Payment, order: list[PaymentState], heard: list[object]) -> None:
    for state in order:
        apply_payment_event(event=charge_report(payment, state))

    payment.refresh_from_db()
    assert (payment.state, payment.captured_minor) == (PaymentState.CAPTURED, 2000)
    assert [type(event) for event in heard if not isinstance(event, PaymentAuthorized)] == [PaymentCaptured]


@pytest.mark.parametrize("state", sorted(set(PaymentState) - set(STEPS) - {"created", "failed", "cancelled"}))
def test_old_report_of_a_payment_that_went_on__is_ignored(
    payment: Payment, state: PaymentState, heard: list[object]
) -> None:
    Payment.objects.update(state=state, captured_minor=2000)

    answers = [apply_report(event=charge_report(payment, step)).is_news for step in STEPS]

    payment.refresh_from_db()
    assert payment.state == state
    assert answers == [False] * 3
    assert heard == []


@pytest.mark.parametrize("state", [PaymentState.FAILED, PaymentState.CANCELLED])
def test_money_for_a_payment_that_was_given_up__goes_straight_back(
    payment: Payment, state: PaymentState, heard: list[object], broken: Books
) -> None:
    Payment.objects.update(state=state)

    answers = [apply_report(event=charge_report(payment)).is_news for _ in range(2)]

    payment.refresh_from_db()
    refund = Refund.objects.get()
    assert answers == [True, False]
    assert (payment.state, payment.captured_minor, payment.refunding_minor) == (state, 2000, 2000)
    assert (refund.amount_minor, refund.key) == (2000, f"stray:{payment.public_id}")
    assert heard == []
    assert broken() == {}


@pytest.mark.parametrize("fields", [{"captured_minor": 2001}, {"captured_minor": -1}, {"currency": "EUR"}])
def test_report_that_can_not_be_true__is_refused(payment: Payment, fields: dict[str, object]) -> None:
    with pytest.raises(ReportMismatch):
        apply_payment_event(event=charge_report(payment, **fields))

    payment.refresh_from_db()
    assert payment.state == PaymentState.CREATED


def test_charge_that_is_not_ours__is_unknown() -> None:
    with pytest.raises(Payment.DoesNotExist):
        apply_payment_event(event=unknown_report())


def test_counters__tell_successes_and_declines(
    payment: Payment, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    names = ("payment_success_total", "payment_declined_total")
    before = [REGISTRY.get_sample_value(name, {"provider": "sandbox"}) or 0 for name in names]

    with django_capture_on_commit_callbacks(execute=True):
        apply_payment_event(event=charge_report(payment))

    after = [REGISTRY.get_sample_value(name, {"provider": "sandbox"}) for name in names]
    assert after == [before[0] + 1, before[1]]


def test_tables_of_moves_and_ranks__name_every_state() -> None:
    assert set(Payment.TRANSITIONS) == set(Payment.RANK) == set(PaymentState)
    assert all(targets <= set(PaymentState) for targets in Payment.TRANSITIONS.values())


@pytest.mark.django_db(transaction=True)
def test_webhook_and_poll_at_once__are_one_piece_of_news(payment: Payment, heard: list[object]) -> None:
    report: ChargeReport = charge_report(payment)

    answers = at_once([lambda: apply_report(event=report).is_news] * 4)

    assert sorted(map(str, answers)) == ["False", "False", "False", "True"]
    assert [type(event) for event in heard if not isinstance(event, PaymentAuthorized)] == [PaymentCaptured]


def test_events_of_payments__reach_no_browser() -> None:
    assert {event.channel for event in (PaymentCaptured, PaymentFailed, PaymentRefunded)} == {None}
