"""Gifts for operators."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from coupon_site.admin import ReadOnly, StateHistory, asks_first
from coupon_site.errors import DomainError
from coupon_site.money import format_money
from vouchers.admin.actors import actor_of
from vouchers.models import Gift, GiftState
from vouchers.services import revoke_gift, send_again

GIFT_COLOURS = {
    "Scheduled": "info",
    "Sent": "info",
    "Claimed": "success",
    "Expired": "warning",
    "Revoked": "danger",
    "Returned": "warning",
}


@admin.register(Gift)
class GiftAdmin(ReadOnly, StateHistory):
    list_display = [
        "public_id", "shown_state", "theme", "mode", "value", "giver", "receiver", "deliver_at", "expires_at",
    ]  # fmt: skip
    list_filter = ["state", "mode", "theme"]
    list_select_related = ["giver", "claimed_by", "voucher__merchant", "voucher__offer", "voucher__owner"]
    search_fields = ["public_id__exact", "giver__email__iexact", "recipient_email__iexact", "voucher__public_id__exact"]
    search_help_text = "A gift's or voucher's id, its giver's or receiver's e-mail"
    ordering = ["-id"]
    actions = ["revoke_selected", "mail_selected"]
    fields = [
        "public_id", "voucher", "value", "giver", "state", "mode", "theme", "message", "recipient_name",
        "recipient_email", "deliver_at", "mail_queued_at", "mail_error", "sent_at", "expires_at", "claimed_at",
        "claimed_by", "revoked_at", "created_at",
    ]  # fmt: skip

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("vouchers.change_gift")

    @display(description="state", ordering="state", label=GIFT_COLOURS)  # type: ignore[untyped-decorator]  # no types
    def shown_state(self, gift: Gift) -> str:
        return gift.get_state_display()

    @admin.display(description="value", ordering="voucher__value_minor")
    def value(self, gift: Gift) -> str:
        return format_money(gift.voucher.value_minor, gift.voucher.currency)

    @admin.display(description="receiver")
    def receiver(self, gift: Gift) -> str:
        if gift.claimed_by:
            return str(gift.claimed_by)
        unnamed = "whoever has the link" if gift.state == GiftState.CLAIMED else "–"
        return gift.recipient_email or gift.recipient_name or unnamed

    @admin.action(description="Revoke, and return to the giver", permissions=["act"])
    @asks_first("Whoever got them can no longer use them.")
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[Gift]) -> None:
        at, actor = timezone.now(), actor_of(request)
        self.each(
            request,
            queryset,
            lambda gift: revoke_gift(gift=gift, actor=actor, at=at, reason="by an operator"),
            "revoked",
        )

    @admin.action(description="Mail again", permissions=["act"])
    def mail_selected(self, request: HttpRequest, queryset: QuerySet[Gift]) -> None:
        at = timezone.now()
        self.each(request, queryset, lambda gift: send_again(gift=gift, at=at), "on their way")

    def each(self, request: HttpRequest, queryset: QuerySet[Gift], act: Callable[[Gift], object], outcome: str) -> None:
        """One by one: each has its own state, voucher and event."""
        done = 0
        for gift in queryset.select_related(*self.list_select_related):
            try:
                act(gift)
            except DomainError as error:
                self.message_user(request, f"{gift.public_id}: {error}", messages.ERROR)
            else:
                done += 1
        if done:
            self.message_user(request, f"{done} {outcome}.", messages.SUCCESS)
