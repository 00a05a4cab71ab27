"""Tills and scans for operators."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.decorators import display

from coupon_site.admin import ReadOnly, asks_first
from coupon_site.errors import DomainError
from vouchers.admin.actors import actor_of
from vouchers.models import Redemption, ScannerDevice
from vouchers.services import register_device, rename_device, revoke_device, rotate_key, void_redemption

KIND_COLOURS = {"use": "success", "void": "warning"}


@admin.register(ScannerDevice)
class ScannerDeviceAdmin(ModelAdmin):
    list_display = ["name", "merchant", "hint", "created_at", "revoked_at"]
    list_filter = ["merchant"]
    list_select_related = ["merchant"]
    search_fields = ["name", "merchant__name", "public_id__exact"]
    fields = ["merchant", "name", "public_id", "hint", "created_at", "revoked_at"]
    readonly_fields = ["public_id", "hint", "created_at", "revoked_at"]
    actions = ["revoke_selected", "rotate_selected"]

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
    @asks_first("These tills can no longer redeem anything.")
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ScannerDevice]) -> None:
        for device in queryset:
            revoke_device(device=device, at=timezone.now())
        self.message_user(request, "Revoked.", messages.SUCCESS)

    @admin.action(description="Make new keys for selected tills", permissions=["change"])
    @asks_first("Their present keys end at once; the new ones are shown once.")
    def rotate_selected(self, request: HttpRequest, queryset: QuerySet[ScannerDevice]) -> None:
        for device in queryset:
            try:
                key = rotate_key(device=device)
            except DomainError as error:
                self.message_user(request, f"{device}: {error}", messages.ERROR)
            else:
                self.message_user(request, f"The new key of {device}, shown only now: {key}", messages.WARNING)


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
