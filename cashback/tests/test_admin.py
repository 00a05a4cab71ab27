"""What finance and operators see and do in the admin."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from accounts.models import User
from cashback.models import CashbackEvent, MappingProfile, Network, Transfer
from cashback.queries import balances_of
from cashback.services import approve_events, track_order
from cashback.tests.factories import import_lines, line
from conftest import MakeUser
from coupon_site.models import StateChange
from orders.models import Order

pytestmark = pytest.mark.django_db
ROOMS = (
    "cashbackevent",
    "account",
    "transfer",
    "importjob",
    "conversion",
    "network",
    "mappingprofile",
    "buyerreference",
)
EVENTS = "/admin/cashback/cashbackevent/"


@pytest.fixture
def finance(make_user: MakeUser) -> User:
    return make_user(groups=["finance"], is_staff=True)


@pytest.fixture
def desk(finance: User, client: Client) -> Client:
    client.force_login(finance)
    return client


@pytest.fixture
def event(paid_order: Order) -> CashbackEvent:
    [event] = track_order(order=paid_order.public_id, at=timezone.now())
    return event


def act(desk: Client, action: str, *rows: CashbackEvent) -> Any:
    return desk.post(EVENTS, {"action": action, "_selected_action": [row.pk for row in rows], "confirmed": "yes"})


def said(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


@pytest.mark.parametrize("room", ROOMS)
def test_every_list_and_page__opens(desk: Client, event: CashbackEvent, tmp_path: Path, room: str) -> None:
    import_lines(tmp_path, [line("1"), line("C2", quantity=-1, at="2010-12-09 00:00:00"), line("3", customer="")])

    listed = desk.get(f"/admin/cashback/{room}/")
    row = listed.context["cl"].result_list[0]

    assert listed.status_code == 200
    assert desk.get(f"/admin/cashback/{room}/", {"q": "no such thing"}).status_code == 200
    assert desk.get(f"/admin/cashback/{room}/{row.pk}/change/").status_code == 200


def test_approved__is_paid_in_the_name_of_who_did_it(
    desk: Client, finance: User, user: User, event: CashbackEvent
) -> None:
    answer = act(desk, "approve_selected", event)

    event.refresh_from_db()
    assert (event.state, said(answer)) == ("paid", ["1 approved."])
    assert StateChange.objects.get(object_id=event.public_id, to_state="confirmed").actor == finance
    assert [tuple(balance) for balance in balances_of(user)] == [("GBP", 0, 100)]


@pytest.mark.parametrize(
    ("action", "state", "what"),
    [("decline_selected", "declined", "declined"), ("reverse_selected", "reversed", "taken back")],
)
def test_declined_or_reversed__goes_out_of_the_wallet(
    desk: Client, user: User, event: CashbackEvent, *, action: str, state: str, what: str
) -> None:
    if state == "reversed":
        approve_events(events=[event], at=timezone.now())

    answer = act(desk, action, event)

    event.refresh_from_db()
    assert (event.state, said(answer)) == (state, [f"1 {what}."])
    assert [tuple(balance) for balance in balances_of(user)] == [("GBP", 0, 0)]


def test_state_that_does_not_allow_it__is_said_and_nothing_changes(desk: Client, event: CashbackEvent) -> None:
    rows = Transfer.objects.count()

    answer = act(desk, "hold_selected", event)

    event.refresh_from_db()
    assert event.state == "pending"
    assert said(answer) == ["0 held.", "1 are in a state that does not allow it."]
    assert Transfer.objects.count() == rows


def test_operator__may_look_but_not_approve(client: Client, operator: User, event: CashbackEvent) -> None:
    client.force_login(operator)

    act(client, "approve_selected", event)

    event.refresh_from_db()
    assert client.get(EVENTS).status_code == 200
    assert event.state == "pending"


@pytest.mark.parametrize("room", ["cashbackevent", "account", "transfer", "conversion"])
def test_ledger_and_conversions__are_written_by_nobody(
    client: Client, superuser: User, event: CashbackEvent, tmp_path: Path, room: str
) -> None:
    import_lines(tmp_path, [line("1")])
    client.force_login(superuser)
    row = client.get(f"/admin/cashback/{room}/").context["cl"].result_list[0]

    answers = [
        client.get(f"/admin/cashback/{room}/add/"),
        client.post(f"/admin/cashback/{room}/{row.pk}/change/", {}),
        client.post(f"/admin/cashback/{room}/{row.pk}/delete/", {"post": "yes"}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]


def test_profile__is_changed_in_the_named_fields_only(desk: Client, network: Network) -> None:
    profile = network.profiles.get()
    page = f"/admin/cashback/mappingprofile/{profile.pk}/change/"
    form = desk.get(page).context["adminform"].form
    values = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    MappingProfile.objects.update(creates_buyers=False)

    answer = desk.post(page, {**values, "columns": form["columns"].value(), "currency": "EUR", "creates_buyers": "on"})

    profile.refresh_from_db()
    assert answer.status_code == 302
    assert (profile.currency, profile.creates_buyers) == ("EUR", True)


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ('{"external_id": "Invoice"}', "No column for occurred_at"),
        ('["InvoiceNo"]', "Map each field"),
        (
            '{"external_id": "A", "quantity": "A", "unit_price": "A", "occurred_at": "A", "buyer": "A", "x": "A"}',
            "no line has such a field",
        ),
    ],
)
def test_profile_without_what_every_line_must_say__is_refused(
    desk: Client, network: Network, columns: str, complaint: str
) -> None:
    answer = desk.post(
        "/admin/cashback/mappingprofile/add/",
        {
            "network": network.pk,
            "name": "New",
            "columns": columns,
            "delimiter": ";",
            "decimal_mark": ",",
            "currency": "EUR",
        },
    )

    assert complaint in answer.content.decode()
    assert not MappingProfile.objects.filter(name="New").exists()
