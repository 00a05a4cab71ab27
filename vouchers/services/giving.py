"""Giving vouchers away."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts.models import User
from coupon_site.errors import IllegalTransition
from coupon_site.money import usd_of
from coupon_site.transitions import move
from events import publish
from orders.errors import NotGiftable
from orders.gifts import GiftMode, GiftWish
from vouchers.events import GiftScheduled
from vouchers.links import gift_url, hash_of, token_of
from vouchers.metrics import gift_value_usd, gifts_created_total
from vouchers.models import Gift, GiftState, Voucher, VoucherState, new_seed
from vouchers.services.facts import gift_fact
from vouchers.services.sending import open_gift, queue_mail


@transaction.atomic
def create_gift(*, voucher: Voucher, giver: User, wish: GiftWish, at: datetime) -> Gift:
    """Give an active voucher away; `links.gift_url` is the link. Raises NotGiftable, IllegalTransition."""
    if not voucher.offer.is_giftable:
        raise NotGiftable(f"{voucher.offer.title} is for the buyer only.")
    if voucher.expires_at <= (wish.deliver_at or at):
        raise NotGiftable("The voucher has expired by then.")
    gift = give(voucher, giver=giver, wish=wish, at=at)
    voucher.refresh_from_db(fields=["owner", "uses_done"])  # what was read before may be out of date
    if voucher.owner_id != giver.pk or voucher.uses_done:
        raise NotGiftable("It was used, or belongs to somebody else.")
    return gift


def give_issued(vouchers: Iterable[Voucher], *, giver: User, wish: GiftWish, at: datetime) -> None:
    """Units that were bought as gifts go straight into one each."""
    for voucher in vouchers:
        if voucher.state == VoucherState.ISSUED:
            give(voucher, giver=giver, wish=wish, at=at)


def give(voucher: Voucher, *, giver: User, wish: GiftWish, at: datetime) -> Gift:
    """Lock the voucher, and send its gift or let it wait."""
    move(voucher, VoucherState.GIFT_LOCKED, actor=giver, reason="given away")
    gift = draft(voucher, giver=giver, wish=wish, at=at)
    gift.save(force_insert=True)
    if wish.mode == GiftMode.LINK:
        open_gift(gift, at=at, actor=giver)
    else:
        move(gift, GiftState.SCHEDULED, actor=giver)
        publish(gift_fact(GiftScheduled, gift))
    if wish.mode == GiftMode.EMAIL:
        queue_mail(gift, at=at)
    transaction.on_commit(lambda: count(gift))
    return gift


def draft(voucher: Voucher, *, giver: User, wish: GiftWish, at: datetime) -> Gift:
    """A gift that is not written yet."""
    deliver_at, seed = wish.deliver_at or at, new_seed()
    return Gift(
        voucher=voucher,
        giver=giver,
        seed=seed,
        token_hash=hash_of(token_of(seed)),
        mode=wish.mode,
        theme=wish.theme,
        message=wish.message,
        recipient_name=wish.recipient_name,
        recipient_email=wish.recipient_email,
        deliver_at=deliver_at,
        expires_at=min(end_of_claiming(voucher, deliver_at), voucher.expires_at),
        created_at=at,
    )


def end_of_claiming(voucher: Voucher, deliver_at: datetime) -> datetime:
    """The end of the last day, in the merchant's zone, on which a gift may be opened."""
    zone = voucher.merchant.zone
    last = deliver_at.astimezone(zone).date() + timedelta(days=settings.GIFT_CLAIM_DAYS)
    return datetime.combine(last + timedelta(days=1), time.min, tzinfo=zone)


def count(gift: Gift) -> None:
    gifts_created_total.labels(mode=gift.mode, theme=gift.theme).inc()
    gift_value_usd.observe(usd_of(gift.voucher.value_minor, gift.voucher.currency))


@transaction.atomic
def renew_link(*, gift: Gift) -> str:
    """A new link for a gift that waits to be opened; the old one opens nothing any more. Raises IllegalTransition."""
    seed = new_seed()
    passed_on = Q(state=GiftState.SENT) | Q(state=GiftState.SCHEDULED, recipient_email="")
    if not Gift.objects.filter(passed_on, pk=gift.pk).update(seed=seed, token_hash=hash_of(token_of(seed))):
        raise IllegalTransition(f"A gift that is {gift.state} has no link to pass on.", state=gift.state)
    gift.seed = seed
    return gift_url(gift)
