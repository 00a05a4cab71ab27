"""Payouts, and decisions about cashback, over REST."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from cashback.models import CashbackEvent, Payout
from cashback.services import approve_payout, track_order
from cashback.tests.conftest import Books
from cashback.tests.factories import Wallet, balance, new_payout
from conftest import MakeUser
from coupon_site.models import StateChange
from orders.models import Order

ApiOf = Callable[[User], APIClient]
pytestmark = pytest.mark.django_db
PAYOUTS, EVENTS = "/api/v1/payouts/", "/api/v1/cashback/events/"
ACCOUNT = "GB33BUKB20201555555555"


@pytest.fixture
def finance(make_user: MakeUser) -> User:
    return make_user(groups=["finance"])


@pytest.fixture
def payout(user: User, funded: Wallet) -> Payout:
    return new_payout(user, amount_minor=700)


def ask(client: APIClient, *, key: str = "", **fields: Any) -> Any:
    body = {"amount_minor": 700, "currency": "GBP", "destination": ACCOUNT, **fields}
    return client.post(PAYOUTS, body, headers={"Idempotency-Key": key or str(uuid4())})


def test_customer__asks_for_a_payout(api_of: ApiOf, user: User, funded: Wallet, broken: Books) -> None:
    client = api_of(user)

    answer = ask(client)

    shown = answer.json()
    assert (answer.status_code, shown["state"], shown["amount_minor"], shown["buyer"]) == (
        201,
        "requested",
        700,
        str(user.public_id),
    )
    assert client.get(f"{PAYOUTS}{shown['id']}").json() == shown
    assert balance(funded.available) == 300
    assert broken() == {}


def test_the_same_key__is_the_same_payout(api_of: ApiOf, user: User, funded: Wallet) -> None:
    client = api_of(user)

    first, again, other = ask(client, key="k"), ask(client, key="k"), ask(client, key="k", amount_minor=500)

    assert (first.status_code, again.json()) == (201, first.json())
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert Payout.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"amount_minor": 1001}, 409, "insufficient_funds"),
        ({"amount_minor": 499}, 409, "payout_too_small"),
        ({"currency": "EUR"}, 409, "insufficient_funds"),
        ({"amount_minor": 0}, 400, "invalid"),
        ({"amount_minor": 2**63}, 400, "invalid"),
        ({"currency": "gbp"}, 400, "invalid"),
        ({"destination": "x"}, 400, "invalid"),
        ({"destination": "a\nb\nc\nd"}, 400, "invalid"),
        ({"buyer": "nobody"}, 400, "invalid"),
        ({"colour": "red"}, 400, "invalid"),
    ],
    ids=[
        "too much", "too little", "another currency", "nothing", "huge", "small letters", "short account", "lines",
        "no id", "unknown",
    ],
)  # fmt: skip
def test_refused__nothing_moves(
    api_of: ApiOf, user: User, funded: Wallet, *, fields: dict[str, Any], status: int, code: str
) -> None:
    answer = ask(api_of(user), **fields)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (balance(funded.available), Payout.objects.count()) == (1000, 0)


def test_customer__can_neither_ask_for_others_nor_see_theirs(
    api_of: ApiOf, make_user: MakeUser, user: User, payout: Payout
) -> None:
    client = api_of(make_user())

    assert ask(client, buyer=str(user.public_id)).status_code == 403
    assert client.get(PAYOUTS).json()["results"] == []
    assert client.get(f"{PAYOUTS}{payout.public_id}").status_code == 404
    assert client.post(f"{PAYOUTS}{payout.public_id}/approve").status_code == 404


def test_operator__enters_one_for_a_customer(api_of: ApiOf, operator: User, user: User, funded: Wallet) -> None:
    client = api_of(operator)

    answer = ask(client, buyer=str(user.public_id))
    unknown = ask(client, buyer=str(uuid4()))

    assert (answer.status_code, answer.json()["requested_by"]) == (201, str(operator.public_id))
    assert client.post(f"{PAYOUTS}{answer.json()['id']}/approve").status_code == 403
    assert unknown.status_code == 404


def test_finance__approves(api_of: ApiOf, finance: User, payout: Payout) -> None:
    answer = api_of(finance).post(f"{PAYOUTS}{payout.public_id}/approve", {"reason": "fine"})
    again = api_of(finance).post(f"{PAYOUTS}{payout.public_id}/approve")

    assert (answer.status_code, answer.json()["state"]) == (200, "approved")
    assert answer.json()["approved_by"] == str(finance.public_id)
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")
    assert StateChange.objects.get(object_id=payout.public_id).reason == "fine"


def test_own_payout__is_not_approved(api_of: ApiOf, finance: User, user: User, funded: Wallet) -> None:
    client = api_of(finance)
    entered = ask(client, buyer=str(user.public_id)).json()["id"]

    answer = client.post(f"{PAYOUTS}{entered}/approve")

    assert (answer.status_code, answer.json()["code"]) == (403, "second_person_needed")


@pytest.mark.parametrize("who", ["user", "operator"])
@pytest.mark.parametrize("verb", ["approve", "reject", "retry", "return"])
def test_others__do_not_decide(
    api_of: ApiOf, user: User, operator: User, payout: Payout, *, who: str, verb: str
) -> None:
    client = api_of({"user": user, "operator": operator}[who])

    assert client.post(f"{PAYOUTS}{payout.public_id}/{verb}", {"reason": "x"}).status_code == 403

    payout.refresh_from_db()
    assert payout.state == "requested"


def test_rejected__needs_a_reason(api_of: ApiOf, finance: User, payout: Payout, funded: Wallet) -> None:
    client = api_of(finance)

    unsaid = client.post(f"{PAYOUTS}{payout.public_id}/reject", {})
    said = client.post(f"{PAYOUTS}{payout.public_id}/reject", {"reason": "wrong account"})

    assert (unsaid.status_code, said.status_code, said.json()["state"]) == (400, 200, "rejected")
    assert balance(funded.available) == 1000


def test_failed__is_sent_again_or_returned_when_the_bank_can_be_asked(
    api_of: ApiOf, finance: User, make_user: MakeUser, payout: Payout
) -> None:
    approve_payout(payout=payout, actor=make_user(), at=timezone.now())
    Payout.objects.filter(pk=payout.pk).update(state="failed")
    client = api_of(finance)

    away = client.post(f"{PAYOUTS}{payout.public_id}/return", {"reason": "closed"})
    again = client.post(f"{PAYOUTS}{payout.public_id}/retry")

    assert (away.status_code, away.json()["code"]) == (503, "provider_unavailable")
    assert (again.status_code, again.json()["state"]) == (200, "processing")


def test_list__is_filtered_and_takes_as_many_queries(
    api_of: ApiOf, finance: User, user: User, funded: Wallet, settings: Any
) -> None:
    settings.PAYOUT_MINIMUM_MINOR = 1
    client = api_of(finance)
    new_payout(user, amount_minor=100)
    client.get(PAYOUTS)
    with CaptureQueriesContext(connection) as few:
        client.get(PAYOUTS)
    for _ in range(3):
        new_payout(user, amount_minor=100)

    with CaptureQueriesContext(connection) as many:
        assert len(client.get(PAYOUTS, {"state": "requested"}).json()["results"]) == 4

    assert len(many) == len(few)
    assert client.get(PAYOUTS, {"state": "paid"}).json()["results"] == []
    assert client.get(PAYOUTS, {"state": "nonsense"}).status_code == 400


def test_nobody__gets_nothing(api: APIClient, db: None) -> None:
    assert api.get(PAYOUTS).status_code == 401
    assert ask(api).status_code == 401


# --- cashback ---


@pytest.fixture
def event(paid_order: Order) -> CashbackEvent:
    """£1, pending."""
    [event] = track_order(order=paid_order.public_id, at=timezone.now())
    return event


@pytest.mark.parametrize(
    ("before", "verb", "after"),
    [
        ("pending", "approve", "paid"),
        ("held", "approve", "paid"),
        ("held", "release", "paid"),
        ("pending", "decline", "declined"),
        ("confirmed", "hold", "held"),
    ],
)
def test_finance__decides(
    api_of: ApiOf, finance: User, event: CashbackEvent, broken: Books, *, before: str, verb: str, after: str
) -> None:
    CashbackEvent.objects.filter(pk=event.pk).update(state=before)

    answer = api_of(finance).post(f"{EVENTS}{event.public_id}/{verb}", {"reason": "looked at it"})

    assert (answer.status_code, answer.json()["state"]) == (200, after)
    assert StateChange.objects.filter(object_id=event.public_id, reason="looked at it", actor=finance).exists()
    assert broken() == {}


@pytest.mark.parametrize("verb", ["release", "hold", "reverse"])
def test_state_that_does_not_allow_it__is_a_conflict(
    api_of: ApiOf, finance: User, event: CashbackEvent, verb: str
) -> None:
    answer = api_of(finance).post(f"{EVENTS}{event.public_id}/{verb}", {"reason": "x"})

    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")
    event.refresh_from_db()
    assert event.state == "pending"


def test_amended__is_worth_it(api_of: ApiOf, finance: User, event: CashbackEvent, broken: Books) -> None:
    client = api_of(finance)

    answer = client.post(f"{EVENTS}{event.public_id}/amend", {"amount_minor": 250, "reason": "a promise"})
    less = client.post(f"{EVENTS}{event.public_id}/amend", {"amount_minor": -1, "reason": "x"})

    assert (answer.status_code, answer.json()["amount_minor"], answer.json()["correction_minor"]) == (200, 250, 150)
    assert less.status_code == 400
    assert broken() == {}


@pytest.mark.parametrize("verb", ["approve", "decline", "hold", "release", "reverse", "amend"])
def test_customer__does_not_decide(
    api_of: ApiOf, user: User, make_user: MakeUser, event: CashbackEvent, verb: str
) -> None:
    body = {"reason": "please", **({"amount_minor": 9} if verb == "amend" else {})}

    answers = [api_of(who).post(f"{EVENTS}{event.public_id}/{verb}", body) for who in (user, make_user())]

    assert [answer.status_code for answer in answers] == [403, 404]
    event.refresh_from_db()
    assert (event.state, event.amount_minor) == ("pending", 100)
