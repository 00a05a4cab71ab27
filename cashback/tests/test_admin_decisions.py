"""Decisions in dialogs: of cashback, payouts and wallets."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from accounts.models import User
from cashback.models import CashbackEvent, CashbackRule, Network, Payout, Transfer
from cashback.queries import balances_of
from cashback.services import approve_events, approve_payout, hold_events, track_order
from cashback.tests.conftest import Books
from cashback.tests.factories import Wallet, balance, new_payout
from conftest import MakeUser
from coupon_site.models import StateChange
from orders.models import Offer, Order
from orders.tests.factories import new_offer

pytestmark = pytest.mark.django_db


@pytest.fixture
def finance(make_user: MakeUser) -> User:
    return make_user(groups=["finance"], is_staff=True)


@pytest.fixture
def desk(finance: User, client: Client) -> Client:
    client.force_login(finance)
    return client


@pytest.fixture
def event(paid_order: Order) -> CashbackEvent:
    """£1, pending."""
    [event] = track_order(order=paid_order.public_id, at=timezone.now())
    return event


@pytest.fixture
def payout(user: User, funded: Wallet) -> Payout:
    """£7 of £10."""
    return new_payout(user, amount_minor=700)


def press(desk: Client, row: Any, action: str, **form: Any) -> Any:
    """What the dialog of an action sends."""
    model = row._meta.model_name
    return desk.post(f"/admin/cashback/{model}/{row.pk}/{action}/", {"_form_submitted": "on", **form})


def said(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def offered(desk: Client, row: Any) -> set[str]:
    """The actions that a row's page offers."""
    page = desk.get(f"/admin/cashback/{row._meta.model_name}/{row.pk}/change/")
    assert page.status_code == 200
    return {action["title"] for action in page.context.get("actions_detail") or []}


# --- cashback ---


@pytest.mark.parametrize(
    ("before", "action", "after", "needs_reason"),
    [
        ("pending", "approve", "paid", False),
        ("pending", "decline", "declined", True),
        ("confirmed", "hold", "held", True),
        ("held", "clear", "paid", False),
        ("held", "decline", "declined", True),
        ("paid", "reverse", "reversed", True),
    ],
)
def test_cashback__is_decided_with_a_reason(
    desk: Client, finance: User, event: CashbackEvent, *, before: str, action: str, after: str, needs_reason: bool
) -> None:
    bring(event, before, finance)

    unsaid = press(desk, event, action) if needs_reason else None
    answer = press(desk, event, action, reason="looked at it")

    event.refresh_from_db()
    assert event.state == after
    assert (answer.status_code, "HX-Redirect" in answer.headers) == (200, True)
    assert unsaid is None or "This field is required" in unsaid.content.decode()
    change = StateChange.objects.filter(object_id=event.public_id, reason="looked at it").latest("id")
    assert change.actor == finance


def bring(event: CashbackEvent, state: str, actor: User) -> None:
    if state in ("confirmed", "held"):
        CashbackEvent.objects.filter(pk=event.pk).update(state="confirmed")
    if state == "held":
        hold_events(events=[event], actor=actor, reason="odd")
    if state == "paid":
        approve_events(events=[event], at=timezone.now())


def test_amended__is_worth_what_was_written(desk: Client, user: User, event: CashbackEvent, broken: Books) -> None:
    answer = press(desk, event, "amend", amount="2.50", reason="a promise")

    event.refresh_from_db()
    assert (event.amount_minor, said(answer)) == (250, ["Worth GBP 2.50 from now on."])
    assert [tuple(balance) for balance in balances_of(user)] == [("GBP", 250, 0)]
    assert broken() == {}


def test_moved_meanwhile__is_said(desk: Client, event: CashbackEvent) -> None:
    answer = press(desk, event, "reverse", reason="too early")

    event.refresh_from_db()
    assert (event.state, said(answer)) == ("pending", ["Somebody has moved it meanwhile."])


def test_page__offers_what_the_state_allows(desk: Client, event: CashbackEvent, payout: Payout) -> None:
    assert offered(desk, event) == {"Approve", "Decline", "Amend"}
    assert offered(desk, payout) == {"Approve", "Reject"}


# --- payouts ---


def test_payout__is_approved_by_a_second_person(desk: Client, finance: User, payout: Payout) -> None:
    answer = press(desk, payout, "approve")

    payout.refresh_from_db()
    assert (payout.state, payout.approved_by) == ("approved", finance)
    assert said(answer) == ["Approved: it goes to the bank."]


def test_own_payout__is_not_approved(desk: Client, finance: User, user: User, funded: Wallet) -> None:
    entered = new_payout(user, actor=finance)

    answer = press(desk, entered, "approve")

    entered.refresh_from_db()
    assert entered.state == "requested"
    assert said(answer) == ["Nobody approves a payout that they asked for, or that is their own"]


def test_several__are_approved_and_the_rest_is_said(
    desk: Client, finance: User, user: User, *, payout: Payout, settings: Any
) -> None:
    settings.PAYOUT_MINIMUM_MINOR = 1
    own = new_payout(user, amount_minor=100, actor=finance)

    answer = desk.post(
        "/admin/cashback/payout/", {"action": "approve_selected", "_selected_action": [payout.pk, own.pk]}
    )

    assert set(Payout.objects.values_list("pk", "state")) == {(payout.pk, "approved"), (own.pk, "requested")}
    assert said(answer)[-1] == "1 approved."


def test_payout__is_rejected(desk: Client, user: User, payout: Payout, broken: Books) -> None:
    press(desk, payout, "reject", reason="wrong account")

    payout.refresh_from_db()
    assert payout.state == "rejected"
    assert [tuple(balance) for balance in balances_of(user)] == [("GBP", 0, 1000)]
    assert broken() == {}


def test_failed__is_sent_again(desk: Client, make_user: MakeUser, payout: Payout) -> None:
    approve_payout(payout=payout, actor=make_user(), at=timezone.now())
    Payout.objects.filter(pk=payout.pk).update(state="failed", failure_code="refused")
    assert offered(desk, payout) == {"Send again", "Return to the wallet"}

    press(desk, payout, "retry")

    payout.refresh_from_db()
    assert (payout.state, payout.failure_code) == ("processing", "")


def test_bank_away__a_failed_one_is_not_returned(desk: Client, make_user: MakeUser, payout: Payout) -> None:
    approve_payout(payout=payout, actor=make_user(), at=timezone.now())
    Payout.objects.filter(pk=payout.pk).update(state="failed", failure_code="refused")

    answer = press(desk, payout, "give_back", reason="closed")

    payout.refresh_from_db()
    assert payout.state == "failed"
    assert said(answer) == ["The bank can't be reached: ConnectError"]


def test_list__shows_what_waits_first(desk: Client, user: User, funded: Wallet, settings: Any, finance: User) -> None:
    settings.PAYOUT_MINIMUM_MINOR = 1
    first, second, third = (new_payout(user, amount_minor=100 + number) for number in range(3))
    Payout.objects.filter(pk=second.pk).update(state="rejected")
    approve_payout(payout=third, actor=finance, at=timezone.now())

    rows = desk.get("/admin/cashback/payout/").context["cl"].result_list

    assert [row.pk for row in rows] == [first.pk, third.pk, second.pk]


# --- wallets ---


@pytest.fixture
def wallet_page(user: User) -> Any:
    from cashback.models import Wallet as WalletRow

    return WalletRow.objects.get(pk=user.pk)


def test_wallet__shows_sums_and_transfers(desk: Client, payout: Payout, wallet_page: Any) -> None:
    listed = desk.get("/admin/cashback/wallet/").content.decode()
    page = desk.get(f"/admin/cashback/wallet/{wallet_page.pk}/change/").content.decode()

    assert "GBP 3.00" in listed
    assert "GBP 7.00" in listed
    assert all(
        text in page for text in ("GBP 10.00", "GBP 7.00", "GBP 3.00", "GB33BUKB20201555555555", "Adjusted by finance")
    )


@pytest.mark.parametrize(("amount", "left"), [("2.50", 1250), ("-10", 0)])
def test_adjusted__is_booked_once_with_its_reason(
    desk: Client, finance: User, funded: Wallet, wallet_page: Any, broken: Books, *, amount: str, left: int
) -> None:
    form = {"amount": amount, "currency": "GBP", "reason": "sorry", "key": str(uuid4())}

    for _ in range(2):
        answer = press(desk, wallet_page, "adjust", **form)

    assert "HX-Redirect" in answer.headers
    assert balance(funded.available) == left
    booked = Transfer.objects.get(source_type="adjustment")
    change = StateChange.objects.get(object_id=booked.public_id)
    assert (change.actor, change.reason) == (finance, "sorry")
    assert f"sorry ({finance.email})" in desk.get(answer.headers["HX-Redirect"]).content.decode()
    assert broken() == {}


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"amount": "0"}, "An adjustment changes something."),
        ({"amount": "1.234"}, "GBP has no such fractions."),
        ({"amount": "much"}, "Enter a number."),
        ({"currency": "pounds"}, "Enter a valid value."),
        ({"reason": ""}, "This field is required."),
    ],
    ids=["nothing", "fractions", "words", "currency", "reason"],
)
def test_senseless_adjustment__is_refused(
    desk: Client, funded: Wallet, wallet_page: Any, *, fields: dict[str, str], complaint: str
) -> None:
    form = {"amount": "1", "currency": "GBP", "reason": "sorry", "key": str(uuid4()), **fields}

    answer = press(desk, wallet_page, "adjust", **form)

    assert complaint in answer.content.decode()
    assert balance(funded.available) == 1000


def test_more_than_there_is__is_not_taken(desk: Client, funded: Wallet, wallet_page: Any) -> None:
    answer = press(desk, wallet_page, "adjust", amount="-10.01", currency="GBP", reason="too much", key=str(uuid4()))

    assert said(answer) == ["There is not enough money in the account"]


def test_payout_for_a_customer__is_entered_and_waits(
    desk: Client, finance: User, funded: Wallet, wallet_page: Any
) -> None:
    press(desk, wallet_page, "pay_out", amount="7", currency="GBP", destination="sandbox:slow", key=str(uuid4()))

    payout = Payout.objects.get()
    assert (payout.amount_minor, payout.requested_by, payout.buyer_id) == (700, finance, wallet_page.pk)


@pytest.mark.parametrize("action", ["approve", "reject"])
def test_operator__may_look_but_not_decide(client: Client, operator: User, payout: Payout, action: str) -> None:
    client.force_login(operator)

    assert client.get(f"/admin/cashback/payout/{payout.pk}/change/").status_code == 200
    assert press(client, payout, action, reason="x").status_code == 403

    payout.refresh_from_db()
    assert payout.state == "requested"


# --- rules ---


def write_rule(desk: Client, **fields: Any) -> Any:
    form = {"name": "Summer", "basis_points": "800", "valid_from_0": "2026-06-01", "valid_from_1": "00:00:00"}
    return desk.post("/admin/cashback/cashbackrule/add/", {**form, **fields})


def test_rule__is_written_and_listed(desk: Client, network: Network) -> None:
    offer: Offer = new_offer(title="Tea for two")

    answer = write_rule(desk, offer=offer.pk)

    assert answer.status_code == 302
    assert CashbackRule.objects.get().basis_points == 800
    assert "Tea for two" in desk.get("/admin/cashback/cashbackrule/").content.decode()


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"basis_points": "10001"}, "cashback_rule_share"),
        ({"category": "shoes"}, "A rule is for an offer of ours or for a network"),
        ({"valid_until_0": "2026-05-01", "valid_until_1": "00:00:00"}, "cashback_rule_period"),
    ],
    ids=["more than all", "category of ours", "over before it begins"],
)
def test_senseless_rule__is_refused(desk: Client, fields: dict[str, str], complaint: str) -> None:
    answer = write_rule(desk, **fields)

    assert answer.status_code == 200
    assert complaint in answer.content.decode()
    assert not CashbackRule.objects.exists()
