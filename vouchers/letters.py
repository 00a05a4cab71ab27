"""Mails about gifts."""

from email.mime.image import MIMEImage
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from coupon_site.money import format_money
from vouchers.links import gift_url
from vouchers.models import Gift

PICTURES = Path(__file__).parent / "static" / "vouchers" / "themes"


class Letter(EmailMultiAlternatives):
    """Text, HTML, and the picture that the HTML shows from within the mail."""

    mixed_subtype = "related"


def gift_letter(gift: Gift) -> Letter:
    """The mail that brings a gift's link. Sent twice it is the same mail: by its Message-ID servers can tell."""
    words = wording(gift)
    letter = Letter(
        subject=f"{words['giver']} has a gift for you",
        body=render_to_string("vouchers/mail/gift.txt", words),
        to=[gift.recipient_email],
        headers={"Message-ID": f"<gift-{gift.public_id}@{urlsplit(settings.SITE_URL).hostname or 'localhost'}>"},
    )
    letter.attach_alternative(render_to_string("vouchers/mail/gift.html", words), "text/html")
    letter.attach(picture(gift.theme))
    return letter


def wording(gift: Gift) -> dict[str, Any]:
    """What both forms of the mail, and the page, say."""
    voucher = gift.voucher
    return {
        "gift": gift,
        "giver": giver_name(gift),
        "value": format_money(voucher.value_minor, voucher.currency),
        "title": voucher.offer.title,
        "merchant": voucher.merchant.name,
        "zone": voucher.merchant.timezone.replace("_", " "),
        "link": gift_url(gift),
    }


def giver_name(gift: Gift) -> str:
    """The giver as the receiver knows them; their address stays theirs."""
    return " ".join(gift.giver.name.split()) or "A friend"


def picture(theme: str) -> MIMEImage:
    image = MIMEImage(picture_bytes(theme), "png")
    image.add_header("Content-ID", "<picture>")
    image.add_header("Content-Disposition", "inline", filename=f"{theme}.png")
    return image


@cache
def picture_bytes(theme: str) -> bytes:
    return (PICTURES / f"{theme}.png").read_bytes()
