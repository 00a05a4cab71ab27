"""The admin's first page and its sidebar."""

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from accounts.models import User
from conftest import MakeUser
from events.models import MessageState, OutboxMessage
from monitoring.desk import CONCERNS, GROUPS
from orders.tests.factories import new_order, new_sale

pytestmark = pytest.mark.django_db


@pytest.fixture
def _dead_message(user: User) -> None:
    new_order(user, new_sale())
    OutboxMessage.objects.update(state=MessageState.DEAD, finished_at=timezone.now())


@pytest.mark.usefixtures("_dead_message")
def test_what_waits__is_counted_with_a_way_to_it(superuser: User, client: Client) -> None:
    client.force_login(superuser)

    page = client.get("/admin/").content.decode()

    assert "What waits for somebody" in page
    assert "/admin/events/outboxmessage/?state__exact=dead" in page
    assert client.get("/admin/events/outboxmessage/?state__exact=dead").status_code == 200


def test_nothing_to_do__is_said(superuser: User, client: Client) -> None:
    client.force_login(superuser)

    assert "Nothing waits for anybody" in client.get("/admin/").content.decode()


def test_reader_without_rights__sees_neither_figures_nor_links(make_user: MakeUser, client: Client) -> None:
    client.force_login(make_user(is_staff=True))

    page = client.get("/admin/").content.decode()

    assert CONCERNS[0].title not in page
    assert "/admin/orders/order/" not in page


def test_sidebar__leads_to_every_screen() -> None:
    shown = {label for labels in GROUPS.values() for label in labels}

    assert shown == {model._meta.label_lower for model in admin.site._registry}


@pytest.mark.parametrize("title", [concern.title for concern in CONCERNS])
def test_concern__names_a_state_of_its_model(title: str) -> None:
    [concern] = [concern for concern in CONCERNS if concern.title == title]

    assert concern.state in dict(concern.table._meta.get_field(concern.field).choices)
