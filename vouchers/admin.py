"""Vouchers, tills and scans for operators."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts.models import User
from coupon_site.admin import ReadOnly, StateHistory
from coupon_site.errors import DomainError
from coupon_site.money import format_money
from vouchers.codes import parse_code
from vouchers.links import page_path
from vouchers.models import Redemption, ScannerDevice, Voucher
from vouchers.services import register_device, rename_device, revoke_device, void_redemption

STATE_COLOURS = {"Active": "success", "Locked for a gift": "info", "Redeemed": "warning", "Cancelled": "danger"}
KIND_COLOURS = {"use": "success", "void": "warning"}


@admin.register(Voucher)
class VoucherAdmin(ReadOnly, StateHistory):
    list_display = ["public_id", "value", "merchant", "owner", "shown_state", "uses", "expires_at"]
    list_filter = ["state", "merchant"]
    list_select_related = ["merchant", "owner"]
    search_fields = ["public_id__exact", "owner__email__iexact", "line__order__number__exact"]
    search_help_text = "A voucher's id or whole code, its owner's e-mail, its order's number"
    ordering = ["-id"]
    fields = [
        "public_id", "offer", "merchant", "owner", "line", "unit_no", "value", "state", "uses", "valid_from",
        "expires_at", "created_at",
    ]  # fmt: skip

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Voucher], search_term: str
    ) -> tuple[QuerySet[Voucher], bool]:
        if code := parse_code(search_term):
            return queryset.filter(code=code), False
        found: tuple[QuerySet[Voucher], bool] = super().get_search_results(request, queryset, search_term)
        return found

    def view_on_site(self, obj: Voucher) -> str:
        return page_path(obj)

    @admin.display(description="value", ordering="value_minor")
    def value(self, voucher: Voucher) -> str:
        return format_money(voucher.value_minor, voucher.currency)

    @display(description="state", ordering="state", label=STATE_COLOURS)  # type: ignore[untyped-decorator]  # no types
    def shown_state(self, voucher: Voucher) -> str:
        return voucher.get_state_display()

    @admin.display(description="uses")
    def uses(self, voucher: Voucher) -> str:
        return f"{voucher.uses_done} of {voucher.uses_total}"


@admin.register(ScannerDevice)
class ScannerDeviceAdmin(ModelAdmin):
    list_display = ["name", "merchant", "hint", "created_at", "revoked_at"]
    list_filter = ["merchant"]
    list_select_related = ["merchant"]
    search_fields = ["name", "merchant__name", "public_id__exact"]
    fields = ["merchant", "name", "public_id", "hint", "created_at", "revoked_at"]
    readonly_fields = ["public_id", "hint", "created_at", "revoked_at"]
    actions = ["revoke_selected"]

    def has_delete_permission(self, request: HttpRequest, obj: ScannerDevice | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: ScannerDevice | None = None) -> list[str]:
        return [*self.readonly_fields, *(["merchant"] if obj else [])]

    def save_model(
        self,
        request: HttpRequest,
        obj: ScannerDevice,
        form: ModelForm[ScannerDevice],
        change: bool,  # noqa: FBT001  Django's signature
    ) -> None:
        if change:
            rename_device(device=obj, name=obj.name)
            return
        device, key = register_device(merchant=obj.merchant, name=obj.name)
        obj.pk, obj.public_id = device.pk, device.public_id
        self.message_user(request, f"The till's key, shown only now: {key}", messages.WARNING)

    @admin.action(description="Revoke the keys of selected tills", permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ScannerDevice]) -> None:
        for device in queryset:
            revoke_device(device=device, at=timezone.now())
        self.message_user(request, "Revoked.", messages.SUCCESS)


@admin.register(Redemption)
class RedemptionAdmin(ReadOnly, ModelAdmin):
    list_display = ["created_at", "voucher_id_shown", "merchant", "device", "kind"]
    list_filter = ["merchant"]
    list_select_related = ["voucher", "merchant", "device__merchant"]
    search_fields = ["public_id__exact", "voucher__public_id__exact", "nonce__exact"]
    ordering = ["-id"]
    actions = ["void_selected"]
    readonly_fields = ["public_id", "voucher", "merchant", "device", "nonce", "voids", "created_at"]

    def has_void_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("vouchers.change_redemption")

    @admin.display(description="voucher")
    def voucher_id_shown(self, redemption: Redemption) -> str:
        return str(redemption.voucher.public_id)

    @display(description="kind", label=KIND_COLOURS)  # type: ignore[untyped-decorator]  # unfold ships no types
    def kind(self, redemption: Redemption) -> str:
        return "void" if redemption.voids_id else "use"

    @admin.action(description="Take selected uses back", permissions=["void"])
    def void_selected(self, request: HttpRequest, queryset: QuerySet[Redemption]) -> None:
        # One by one: each has its own window, counter and event.
        for redemption in queryset.select_related("device"):
            try:
                void_redemption(redemption=redemption, actor=actor_of(request), at=timezone.now())
            except DomainError as error:
                self.message_user(request, f"{redemption}: {error}", messages.ERROR)


def actor_of(request: HttpRequest) -> User:
    """The operator; the admin admits no anonymous ones."""
    assert isinstance(request.user, User)  # noqa: S101  the admin's own check
    return request.user
