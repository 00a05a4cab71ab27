"""How a buyer says that something is a present."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from coupon_site.api import StrictSerializer
from orders.gifts import GiftMode, GiftTheme, GiftWish

MAX_MESSAGE = 500
MAX_AHEAD = timedelta(days=366)


class GiftIn(StrictSerializer):
    """`link`: passed on by the giver; `email`: mailed at once; `date`: mailed later, or a link that opens later."""

    mode = serializers.ChoiceField(choices=GiftMode.choices)
    theme = serializers.ChoiceField(choices=GiftTheme.choices, default=GiftTheme.PLAIN)
    message = serializers.CharField(max_length=MAX_MESSAGE, allow_blank=True, default="")
    recipient_name = serializers.CharField(max_length=80, allow_blank=True, default="")
    recipient_email = serializers.EmailField(max_length=254, allow_blank=True, default="")
    deliver_at = serializers.DateTimeField(allow_null=True, default=None, help_text="For mode date, within a year")

    def validate_deliver_at(self, moment: datetime | None) -> datetime | None:
        if moment and not timezone.now() < moment <= timezone.now() + MAX_AHEAD:
            raise serializers.ValidationError("Choose a moment of the coming year.")
        return moment

    def validate_recipient_name(self, name: str) -> str:
        if not name.isprintable():
            raise serializers.ValidationError("One line of text, please.")
        return name

    def validate(self, gift: dict[str, Any]) -> GiftWish:
        wish = GiftWish(**gift)
        if wish.mode == GiftMode.EMAIL and not wish.recipient_email:
            raise serializers.ValidationError({"recipient_email": ["Needed to mail the gift."]})
        if wish.mode == GiftMode.LINK and wish.recipient_email:
            raise serializers.ValidationError({"recipient_email": ["A link is passed on by you: leave it out."]})
        if (wish.mode == GiftMode.DATE) != (wish.deliver_at is not None):
            raise serializers.ValidationError({"deliver_at": ["Goes with mode date, and only with it."]})
        return wish
