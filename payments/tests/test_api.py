"""Payments over the API: their payer looks, operators decide."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from conftest import MakeUser
from payments.models import Payment, PaymentState
from payments.services import apply_payment_event, charge_payment
from payments.tests.factories import captured, charge_report, new_payment
from payments.tests.stripe_stub import StripeStub

pytestmark = pytest.mark.django_db
ApiOf = Callable[[User], APIClient]
PATH = "/api/v1/payments/"


@pytest.fixture
def authorized(payment: Payment) -> Payment:
    return apply_payment_event(event=charge_report(payment, PaymentState.AUTHORIZED))


def ids(answer: Any) -> list[str]:
    return [row["id"] for row in answer.json()["results"]]


def test_payer__sees_their_own_only(user: User, make_user: MakeUser, api_of: ApiOf) -> None:
    mine, other = captured(user), captured(make_user())

    api = api_of(user)

    assert ids(api.get(PATH)) == [str(mine.public_id)]
    assert api.get(f"{PATH}{mine.public_id}/").json()["captured_minor"] == 2000
    assert api.get(f"{PATH}{other.public_id}/").status_code == 404
    assert api.post(f"{PATH}{other.public_id}/refresh/").status_code == 404


def test_operator__sees_all_and_filters(user: User, operator: User, api_of: ApiOf) -> None:
    payment, other = captured(user), new_payment(user)

    api = api_of(operator)

    assert len(ids(api.get(PATH))) == 2
    assert ids(api.get(PATH, {"reference": other.reference})) == [str(other.public_id)]
    assert ids(api.get(PATH, {"state": "captured"})) == [str(payment.public_id)]


def test_anonymous__sees_nothing(api: APIClient, payment: Payment) -> None:
    assert api.get(PATH).status_code == 401
    assert api.post(f"{PATH}{payment.public_id}/capture/").status_code == 401


@pytest.mark.parametrize(("verb", "decision"), [("capture", "capture"), ("void", "void")], ids=["capture", "void"])
def test_operator__decides_about_an_authorisation(
    authorized: Payment, operator: User, api_of: ApiOf, verb: str, decision: str
) -> None:
    answer = api_of(operator).post(f"{PATH}{authorized.public_id}/{verb}/", {"reason": "as asked"}, format="json")

    assert (answer.status_code, answer.json()["decision"], answer.json()["state"]) == (200, decision, "authorized")


@pytest.mark.parametrize("verb", ["capture", "void"])
def test_payer__decides_nothing(authorized: Payment, user: User, api_of: ApiOf, verb: str) -> None:
    answer = api_of(user).post(f"{PATH}{authorized.public_id}/{verb}/")

    authorized.refresh_from_db()
    assert (answer.status_code, authorized.decision) == (403, "")


@pytest.mark.parametrize(("verb", "code"), [("capture", "not_authorized"), ("void", "not_voidable")])
def test_captured_payment__is_not_decided_again(
    captured_payment: Payment, operator: User, api_of: ApiOf, verb: str, code: str
) -> None:
    answer = api_of(operator).post(f"{PATH}{captured_payment.public_id}/{verb}/")

    assert (answer.status_code, answer.json()["code"], answer.json()["state"]) == (409, code, "captured")


@pytest.mark.parametrize(
    "body", [{"reason": "x" * 201}, {"reason": "a\0b"}, {"other": 1}], ids=["long", "nul", "other"]
)
def test_bad_input__is_refused(authorized: Payment, operator: User, api_of: ApiOf, body: dict[str, object]) -> None:
    answer = api_of(operator).post(f"{PATH}{authorized.public_id}/capture/", body, format="json")

    assert answer.status_code == 400


def test_nobodys_payment__is_not_there(operator: User, api_of: ApiOf) -> None:
    assert api_of(operator).post(f"{PATH}{uuid4()}/capture/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_return_page__asks_stripe_and_gets_the_secret_of_its_own_payment(
    stripe: StripeStub, user: User, operator: User, api_of: ApiOf
) -> None:
    payment = charge_payment(payment=new_payment(user, method="pm_card_authRequired", provider="stripe"))
    path = f"{PATH}{payment.public_id}/refresh/"

    assert api_of(user).post(path).json()["client_secret"] == stripe.intent["client_secret"]
    assert api_of(operator).post(path).json()["client_secret"] == ""

    stripe.authenticate(stripe.intent)
    answer = api_of(user).post(path).json()

    assert (answer["state"], answer["client_secret"]) == ("captured", "")


def test_return_page_and_provider_away__says_so(user: User, api_of: ApiOf, settings: Settings) -> None:
    answer = api_of(user).post(f"{PATH}{new_payment(user).public_id}/refresh/")

    assert (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable")
