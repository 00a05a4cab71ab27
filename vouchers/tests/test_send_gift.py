"""Gifts by mail, through a real mail server on the loopback."""

import email
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default as modern
from smtplib import SMTPDataError

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from events.models import MessageState, OutboxEvent, OutboxMessage
from orders.gifts import GiftMode
from orders.tests.factories import new_merchant
from vouchers import letters
from vouchers.errors import NotMailed
from vouchers.links import gift_url
from vouchers.models import Gift
from vouchers.services import deliver_due, revoke_gift, send_again, sending
from vouchers.tests.factories import claim, new_gift, new_voucher

pytestmark = pytest.mark.django_db


class Postbox:
    """Keeps what it takes; `answers` are given first, one per mail, such as `451 later`."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.receivers: list[str] = []
        self.answers: list[str] = []

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.answers and self.answers[0].startswith("550"):
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            self.receivers += envelope.rcpt_tos
            self.mails.append(email.message_from_bytes(envelope.content or b"", policy=modern))  # type: ignore[arg-type]
        return answer


@pytest.fixture
def post(settings: Settings) -> Iterator[Postbox]:
    """A mail server that listens."""
    box = Postbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port(), ready_timeout=60)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = controller.port
    settings.EMAIL_TIMEOUT = 60
    yield box
    controller.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def work(drain: Callable[[], int]) -> None:
    """Work off what is due, and what was put off as well."""
    OutboxMessage.objects.exclude(state=MessageState.DELIVERED).update(due_at=timezone.now())
    drain()


def test_mail__brings_the_link_in_text_and_picture(user: User, post: Postbox, drain: Callable[[], int]) -> None:
    user.name = "Grace  Hopper"
    user.save(update_fields=["name"])
    voucher = new_voucher(user, merchant=new_merchant(name="Bistro <Nord>", timezone="Europe/London"))
    gift = new_gift(
        user,
        voucher=voucher,
        mode=GiftMode.EMAIL,
        theme="birthday",
        message="All the <best>,\nG.",
        recipient_name="Ada",
    )

    drain()

    [mail] = post.mails
    text, html = mail.get_body(["plain"]), mail.get_body(["html"])
    picture = next(part for part in mail.walk() if part.get_content_type() == "image/png")
    gift.refresh_from_db()
    assert post.receivers == ["ada@example.com"]
    assert mail["Subject"] == "Grace Hopper has a gift for you"
    assert text
    assert html
    for words in (text.get_content(), html.get_content()):
        assert gift_url(gift) in words
        assert "GBP 50.00" in words
        assert "Europe/London time" in words
        assert "Ada" in words
        assert user.email not in words
        assert voucher.code not in words
    assert "Bistro <Nord>" in text.get_content()
    assert "All the <best>,\r\nG." in text.get_content()
    assert "Bistro &lt;Nord&gt;" in html.get_content()
    assert "All the &lt;best&gt;,<br>G." in html.get_content()
    assert picture.get_content() == letters.picture_bytes("birthday")
    assert (gift.state, gift.sent_at is not None) == ("sent", True)
    assert OutboxEvent.objects.filter(event_type="gift.sent").count() == 1


def test_link_of_the_mail__opens_the_gift(user: User, post: Postbox, drain: Callable[[], int]) -> None:
    gift = new_gift(user, mode=GiftMode.EMAIL)
    drain()

    assert claim(gift).state == "claimed"


def test_key_changed_before_the_mail__it_opens_all_the_same(
    user: User, post: Postbox, settings: Settings, drain: Callable[[], int]
) -> None:
    gift = new_gift(user, mode=GiftMode.EMAIL)
    settings.SECRET_KEY = "another"

    drain()

    assert gift_url(gift) in post.mails[0].as_string().replace("=\n", "")
    assert claim(gift).state == "claimed"


def test_message_worked_off_twice__is_one_mail(user: User, post: Postbox, drain: Callable[[], int]) -> None:
    new_gift(user, mode=GiftMode.EMAIL)
    drain()
    OutboxMessage.objects.update(state=MessageState.PENDING, due_at=timezone.now(), finished_at=None)

    drain()

    assert len(post.mails) == 1


def test_server_that_is_busy__is_tried_again_and_gets_one_mail(
    user: User, post: Postbox, drain: Callable[[], int]
) -> None:
    gift = new_gift(user, mode=GiftMode.EMAIL)
    post.answers = ["451 come back later", "421 closing"]

    drain()

    gift.refresh_from_db()
    message = OutboxMessage.objects.get(handler__endswith="mail_gift")
    assert gift.state == "scheduled"
    assert "come back later" in gift.mail_error
    assert message.attempts == 0  # waiting is not failing
    assert message.due_at > timezone.now() + timedelta(seconds=30)
    work(drain)
    work(drain)
    work(drain)
    gift.refresh_from_db()
    assert (gift.state, gift.mail_error) == ("sent", "")
    assert len(post.mails) == 1


def test_nobody_listens__waits_for_the_server(
    user: User, post: Postbox, settings: Settings, drain: Callable[[], int]
) -> None:
    gift = new_gift(user, mode=GiftMode.EMAIL)
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 9

    work(drain)

    gift.refresh_from_db()
    assert (gift.state, "refused" in gift.mail_error) == ("scheduled", True)
    settings.EMAIL_PORT = port
    work(drain)
    gift.refresh_from_db()
    assert gift.state == "sent"
    assert len(post.mails) == 1


def test_address_that_is_refused_for_good__counts_as_a_failure_and_can_be_taken_back(
    user: User, post: Postbox, drain: Callable[[], int]
) -> None:
    gift = new_gift(user, mode=GiftMode.EMAIL)
    post.answers = ["550 no such user"]

    drain()

    gift.refresh_from_db()
    assert OutboxMessage.objects.get(handler__endswith="mail_gift").attempts == 1
    assert "no such user" in gift.mail_error
    assert revoke_gift(gift=Gift.objects.with_voucher().get(), at=timezone.now()).state == "returned"
    work(drain)
    assert post.mails == []


def test_killed_after_the_server_took_it__is_the_same_mail_again(
    user: User, post: Postbox, drain: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SMTP can't say whether a mail was taken before: the second has the first one's id and link."""
    gift = new_gift(user, mode=GiftMode.EMAIL)
    with monkeypatch.context() as killed:
        killed.setattr(sending, "send_gift", lambda **_: (_ for _ in ()).throw(RuntimeError("killed")))
        drain()

    work(drain)

    first, second = post.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_body(["plain"]).get_content() == second.get_body(["plain"]).get_content()  # type: ignore[union-attr]
    assert claim(gift).state == "claimed"


def test_called_off_while_it_is_mailed__stays_called_off(
    user: User, post: Postbox, drain: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    gift = new_gift(user, mode=GiftMode.EMAIL)
    letter = letters.gift_letter

    def meanwhile(mailed: Gift) -> letters.Letter:
        revoke_gift(gift=gift, at=timezone.now())
        return letter(mailed)

    monkeypatch.setattr(sending, "gift_letter", meanwhile)

    drain()

    gift.refresh_from_db()
    assert gift.state == "returned"
    assert OutboxMessage.objects.get(handler__endswith="mail_gift").state == MessageState.DELIVERED


# --- the later date ---


def test_day_has_come__is_mailed_once(user: User, post: Postbox, drain: Callable[[], int]) -> None:
    gift = new_gift(user, mode=GiftMode.DATE, recipient_email="ada@example.com")
    assert deliver_due(at=gift.deliver_at - timedelta(microseconds=1)) == 0

    assert deliver_due(at=gift.deliver_at) == 1
    assert deliver_due(at=gift.deliver_at) == 0
    drain()

    gift.refresh_from_db()
    assert gift.state == "sent"
    assert len(post.mails) == 1


def test_day_has_come_for_a_link__opens(user: User) -> None:
    gift = new_gift(user, mode=GiftMode.DATE)

    assert deliver_due(at=gift.deliver_at) == 1

    gift.refresh_from_db()
    assert (gift.state, gift.sent_at) == ("sent", gift.deliver_at)


def test_more_than_the_limit__the_earliest_go_first(user: User) -> None:
    days = [timezone.now() + timedelta(days=number) for number in (3, 1, 2)]
    gifts = [new_gift(user, mode=GiftMode.DATE, deliver_at=day) for day in days]

    assert deliver_due(at=days[0], limit=2) == 2

    assert [Gift.objects.get(pk=gift.pk).state for gift in gifts] == ["scheduled", "sent", "sent"]


# --- once more ---


def test_sent_again__is_the_same_mail(user: User, post: Postbox, drain: Callable[[], int]) -> None:
    gift = new_gift(user, mode=GiftMode.EMAIL)
    drain()

    send_again(gift=gift, at=timezone.now())
    drain()

    first, second = post.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert claim(gift).state == "claimed"


def test_gift_without_mail_or_over__is_not_sent_again(user: User) -> None:
    link, mailed = new_gift(user), new_gift(user, mode=GiftMode.EMAIL)
    revoke_gift(gift=mailed, at=timezone.now())

    for gift in (link, mailed):
        with pytest.raises(NotMailed):
            send_again(gift=gift, at=timezone.now())


@pytest.mark.parametrize(("code", "final"), [(421, False), (451, False), (550, True), (554, True)])
def test_server_s_code__says_whether_it_is_final(code: int, final: bool) -> None:
    assert sending.is_final(SMTPDataError(code, "x")) is final
