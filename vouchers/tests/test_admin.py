"""What operators see and do in the admin goes through the services."""

import re
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from conftest import MakeUser
from coupon_site.models import StateChange
from orders.tests.factories import new_merchant
from vouchers.models import Redemption, ScannerDevice, Voucher
from vouchers.queries import device_of_key
from vouchers.services import revoke_device
from vouchers.tests.factories import accepted, new_till, new_voucher

pytestmark = pytest.mark.django_db

VOUCHERS, TILLS, USES = (f"/admin/vouchers/{model}/" for model in ("voucher", "scannerdevice", "redemption"))


@pytest.fixture
def desk(operator: User, client: Client) -> Client:
    """An operator, signed in."""
    client.force_login(operator)
    return client


@pytest.fixture
def use(till: ScannerDevice, voucher: Voucher) -> Redemption:
    redemption: Redemption = accepted(till, voucher)
    return redemption


def said(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def act(desk: Client, room: str, action: str, *rows: Any) -> Any:
    return desk.post(room, {"action": action, "_selected_action": [row.pk for row in rows], "confirmed": "yes"})


# --- vouchers ---


def test_list_and_page__show_the_voucher_without_its_code(desk: Client, voucher: Voucher) -> None:
    listed = desk.get(VOUCHERS).content.decode()
    page = desk.get(f"{VOUCHERS}{voucher.pk}/change/").content.decode()

    for shown in (listed, page):
        assert str(voucher.public_id) in shown
        assert "GBP 50.00" in shown
        assert voucher.owner.email in shown
        assert voucher.code not in shown
        assert voucher.code_in_groups not in shown


def test_vouchers__are_neither_made_nor_changed_nor_removed_by_hand(desk: Client, voucher: Voucher) -> None:
    before = Voucher.objects.values().get()

    assert desk.get(f"{VOUCHERS}add/").status_code == 403
    assert desk.post(f"{VOUCHERS}{voucher.pk}/change/", {"state": "active"}).status_code == 403
    assert desk.post(f"{VOUCHERS}{voucher.pk}/delete/", {"post": "yes"}).status_code == 403

    assert Voucher.objects.values().get() == before


def test_search__finds_by_whole_code_id_owner_and_order(desk: Client, voucher: Voucher, make_user: MakeUser) -> None:
    other = new_voucher(make_user())
    words = [
        voucher.code_in_groups.lower(), str(voucher.public_id), voucher.owner.email.upper(), voucher.line.order.number,
    ]  # fmt: skip

    for word in words:
        page = desk.get(VOUCHERS, {"q": word}).content.decode()
        assert (str(voucher.public_id) in page, str(other.public_id) in page) == (True, False), word


@pytest.mark.parametrize("word", ["x", "a code", "7K3M-9QXW", "%", "0" * 300])
def test_search_for_nothing_that_is__finds_nothing(desk: Client, voucher: Voucher, word: str) -> None:
    for room in (VOUCHERS, TILLS, USES):
        answer = desk.get(room, {"q": word})
        assert answer.status_code == 200
        assert str(voucher.public_id) not in answer.content.decode()


def test_longer_lists__cost_no_more_statements(desk: Client, user: User, use: Redemption) -> None:
    def statements(room: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert desk.get(room).status_code == 200
        return len(captured)

    few = [statements(room) for room in (VOUCHERS, TILLS, USES)]
    for _ in range(3):
        voucher = new_voucher(user, merchant=use.merchant)
        accepted(new_till(use.merchant), voucher)

    assert [statements(room) for room in (VOUCHERS, TILLS, USES)] == few


# --- tills ---


def test_new_till__shows_its_key_once(desk: Client) -> None:
    merchant = new_merchant()

    answer = desk.post(f"{TILLS}add/", {"merchant": merchant.pk, "name": "Bar"}, follow=True)

    till = ScannerDevice.objects.get()
    [key] = re.findall(r"till_[\w-]{43}", answer.content.decode())
    assert device_of_key(key) == till
    assert (till.merchant, till.name) == (merchant, "Bar")
    for path in (TILLS, f"{TILLS}{till.pk}/change/", f"{TILLS}{till.pk}/history/"):
        page = desk.get(path).content.decode()
        assert key not in page
        assert "Bar" in page


def test_till__keeps_its_key_and_merchant_when_it_is_renamed(desk: Client) -> None:
    till, merchant = new_till(), new_merchant()
    before = ScannerDevice.objects.values().get()

    desk.post(f"{TILLS}{till.pk}/change/", {"merchant": merchant.pk, "name": "Door", "digest": "x"})

    assert ScannerDevice.objects.values().get() == {**before, "name": "Door"}


def test_revoke_action__revokes_the_chosen_tills(desk: Client) -> None:
    till, other = new_till(), new_till()

    answer = act(desk, TILLS, "revoke_selected", till)

    till.refresh_from_db()
    other.refresh_from_db()
    assert (till.is_revoked, other.is_revoked) == (True, False)
    assert said(answer) == ["Revoked."]


def test_till__is_not_removed(desk: Client) -> None:
    till = new_till()

    assert desk.post(f"{TILLS}{till.pk}/delete/", {"post": "yes"}).status_code == 403
    assert ScannerDevice.objects.exists()


# --- uses ---


def test_void_action__takes_uses_back_in_the_operators_name(
    desk: Client, operator: User, voucher: Voucher, use: Redemption
) -> None:
    answer = act(desk, USES, "void_selected", use)

    voucher.refresh_from_db()
    assert (voucher.state, voucher.uses_done) == ("active", 0)
    assert StateChange.objects.get(to_state="active").actor == operator
    assert said(answer) == []


def test_void_action__says_which_use_it_could_not_take_back(
    desk: Client, user: User, voucher: Voucher, use: Redemption
) -> None:
    late = accepted(new_till(voucher.merchant), new_voucher(user, merchant=voucher.merchant))
    Redemption.objects.filter(pk=late.pk).update(created_at=timezone.now().replace(year=2020))

    answer = act(desk, USES, "void_selected", use, late)

    assert Redemption.objects.filter(voids=use).exists()
    assert not Redemption.objects.filter(voids=late).exists()
    [message] = said(answer)
    assert str(late.device) in message
    assert "900 s" in message


def test_uses__are_shown_and_not_changed_by_hand(desk: Client, use: Redemption) -> None:
    listed = desk.get(USES).content.decode()
    before = Redemption.objects.values().get()

    answer = desk.post(f"{USES}{use.pk}/change/", {"nonce": "other"})

    assert str(use.voucher.public_id) in listed
    assert desk.get(f"{USES}{use.pk}/change/").status_code == 200
    assert desk.get(f"{USES}add/").status_code == 403
    assert answer.status_code == 403
    assert Redemption.objects.values().get() == before


# --- rights ---


def test_clerk_who_may_only_look__changes_nothing(
    make_user: MakeUser, client: Client, till: ScannerDevice, use: Redemption
) -> None:
    client.force_login(make_user(groups=["finance"], is_staff=True))

    act(client, USES, "void_selected", use)
    act(client, TILLS, "revoke_selected", till)

    till.refresh_from_db()
    assert Redemption.objects.count() == 1
    assert not till.is_revoked
    assert client.get(VOUCHERS).status_code == client.get(USES).status_code == 200
    assert client.get(TILLS).status_code == 403


def test_customer__sees_no_admin(user: User, client: Client, voucher: Voucher) -> None:
    client.force_login(user)

    for room in (VOUCHERS, TILLS, USES):
        assert client.get(room).status_code == 302


def test_new_keys__are_shown_once_for_the_chosen_tills_that_are_not_revoked(desk: Client, till: ScannerDevice) -> None:
    gone = new_till(till.merchant)
    revoke_device(device=gone, at=timezone.now())

    refused, shown = sorted(said(act(desk, TILLS, "rotate_selected", till, gone)), key=len)

    assert device_of_key(shown.rpartition(" ")[2]) == till
    assert "revoked" in refused
