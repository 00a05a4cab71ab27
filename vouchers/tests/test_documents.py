"""The voucher on paper."""

import logging
from contextlib import closing
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from orders.tests.factories import new_merchant
from vouchers.documents import Page, drawable, voucher_document
from vouchers.links import page_path
from vouchers.models import Voucher, VoucherState
from vouchers.tests.factories import new_voucher

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "name",
    [
        "Café Łódź",
        "Ζαχαροπλαστείο",
        "Кафе Україна",
        "Đặng Văn",
        "Հայաստան",
        "საქართველო",
        "שלום",
        "Çağlar’s €5 – “Bar”",
    ],
)
def test_names_of_europe__are_written_in_full(name: str) -> None:
    with closing(Page()) as page:
        assert drawable(page, name) == name


def test_letters_that_the_font_has_not__take_their_plain_form_or_a_square() -> None:
    with closing(Page()) as page:
        assert drawable(page, "東京 😀 ﬃ Ⅷ ａ") == "□□ □ ffi VIII a"


def test_document__is_one_small_page_that_lacks_no_letter(user: User, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    voucher = new_voucher(
        user,
        title="Four-course dinner for two " * 5,
        merchant=new_merchant(name="東京 Ресторан " * 8),
        uses_per_voucher=3,
        valid_from=timezone.now() + timedelta(days=3),
    )

    document = voucher_document(voucher)

    assert document.startswith(b"%PDF-")
    assert document.count(b"/Type /Page\n") == 1
    assert len(document) < 80_000
    assert [record for record in caplog.records if record.name.startswith("fpdf")] == []  # others may warn of anything


def test_page__has_the_file(client: Client, voucher: Voucher) -> None:
    path = f"{page_path(voucher)}voucher.pdf"
    assert path in client.get(page_path(voucher)).content.decode()

    answer = client.get(path)

    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="voucher-{voucher.code[-5:]}.pdf"'
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.content.startswith(b"%PDF-")
    assert client.get("/vouchers/x/voucher.pdf").status_code == 404


@pytest.mark.parametrize("state", sorted(set(VoucherState) - {VoucherState.ACTIVE, VoucherState.ISSUED}))
def test_voucher_that_can_not_be_used__has_its_page_only(client: Client, user: User, state: VoucherState) -> None:
    voucher = new_voucher(user, state=state)

    answer = client.get(f"{page_path(voucher)}voucher.pdf")

    assert (answer.status_code, answer.headers["Location"]) == (302, page_path(voucher))
    assert "voucher.pdf" not in client.get(page_path(voucher)).content.decode()
