"""Sending gifts: by mail, or by letting their link open."""

import smtplib
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from coupon_site.errors import IllegalTransition
from coupon_site.transitions import move
from events import enqueue, publish, task
from events.errors import Defer
from vouchers.errors import NotMailed
from vouchers.events import GiftSent
from vouchers.letters import gift_letter
from vouchers.links import hash_of, token_of
from vouchers.models import Gift, GiftState
from vouchers.services.facts import gift_fact

if TYPE_CHECKING:
    from events.models import OutboxMessage

RETRY_SECONDS = 60


@transaction.atomic
def deliver_due(*, at: datetime, limit: int = 100) -> int:
    """Mail or open scheduled gifts whose moment has come; answers how many."""
    due = Gift.objects.due(at).with_voucher().select_for_update(no_key=True, skip_locked=True, of=("self",))
    gifts = list(due[:limit])
    for gift in gifts:
        if gift.is_mailed:
            queue_mail(gift, at=at)
        else:
            open_gift(gift, at=at)
    return len(gifts)


def open_gift(gift: Gift, *, at: datetime, actor: User | None = None) -> None:
    """From now on its link opens it."""
    move(gift, GiftState.SENT, actor=actor, sent_at=at, mail_error="")
    publish(gift_fact(GiftSent, gift))


def queue_mail(gift: Gift, *, at: datetime) -> None:
    """Hand the mail to the outbox, in the transaction that asks for it."""
    gift.mail_queued_at = at
    gift.save(update_fields=["mail_queued_at"])
    enqueue(mail_gift, {"gift": gift.public_id, "again": False})


@transaction.atomic
def send_again(*, gift: Gift, at: datetime) -> None:
    """Mail a gift once more, with the same link. Raises NotMailed."""
    locked = Gift.objects.select_for_update(no_key=True).get(pk=gift.pk)
    if not locked.is_mailed or locked.state not in (GiftState.SCHEDULED, GiftState.SENT):
        raise NotMailed(state=str(locked.state))
    if locked.state == GiftState.SENT:
        enqueue(mail_gift, {"gift": locked.public_id, "again": True})
    else:
        queue_mail(locked, at=at)


@task(transactional=False)
def mail_gift(message: "OutboxMessage") -> None:
    """Mail a gift. While the mail server is away, wait for it; what it refuses for good becomes a dead letter."""
    gift = Gift.objects.with_voucher().get(public_id=message.payload["gift"])
    wanted = GiftState.SENT if message.payload["again"] else GiftState.SCHEDULED
    if gift.state != wanted:
        return  # mailed before, or called off
    keep_hash(gift)
    try:
        gift_letter(gift).send()
    except OSError as error:  # every error of smtplib is one
        note_failure(gift, error)
        if is_final(error):
            raise
        raise Defer(RETRY_SECONDS, f"mail server: {error}") from error
    send_gift(gift=gift, at=timezone.now())


def keep_hash(gift: Gift) -> None:
    """The site's key may have changed since the gift was made: what the mail says must open it."""
    current = hash_of(token_of(gift.seed))
    if gift.token_hash != current:
        gift.token_hash = current
        gift.save(update_fields=["token_hash"])


@transaction.atomic
def send_gift(*, gift: Gift, at: datetime) -> None:
    """The mail is out. One that was called off meanwhile stays so: its link says it."""
    try:
        if gift.state == GiftState.SCHEDULED:
            open_gift(gift, at=at)
    except IllegalTransition:
        gift.refresh_from_db(fields=["state"])


def note_failure(gift: Gift, error: OSError) -> None:
    gift.mail_error = f"{type(error).__name__}: {error}"[:200]
    gift.save(update_fields=["mail_error"])


def is_final(error: OSError) -> bool:
    """Whether the server will say the same to-morrow: a code of 500 or more."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= 500
