"""People and tokens."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.models import ApiToken, User
from accounts.services import announce_rights, issue_token, revoke_token
from coupon_site.admin import asks_first

admin.site.unregister(Group)


class TellsRights(ModelAdmin):
    """Rows that rights come from: whom a change or a removal concerns is told of, after the commit."""

    @abstractmethod
    def holders(self, rows: Iterable[Any]) -> Iterable[User]:
        """Whose rights come from these rows."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        announce_rights(users=self.holders([obj]))
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        announce_rights(users=self.holders(queryset))
        return super().log_deletions(request, queryset)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, TellsRights):
    """Roles."""

    def holders(self, rows: Iterable[Group]) -> Iterable[User]:
        return User.objects.filter(groups__in=list(rows)).distinct()


@admin.register(User)
class UserAdmin(DjangoUserAdmin, TellsRights):  # type: ignore[type-arg]  # its stubs want AbstractUser
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["email", "name", "roles", "is_staff", "is_active", "created_at"]
    list_filter = ["is_staff", "is_active", "groups"]
    search_fields = ["email", "name"]
    ordering = ["email"]
    readonly_fields = ["public_id", "created_at", "last_login"]
    fieldsets = [
        (None, {"fields": ["email", "name", "password"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Record", {"fields": ["public_id", "created_at", "last_login"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "name", "password1", "password2"]})]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def holders(self, rows: Iterable[User]) -> Iterable[User]:
        return rows

    @admin.display(description="roles")
    def roles(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all()) or "customer"


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):
    list_display = ["name", "user", "hint", "created_at", "revoked_at"]
    search_fields = ["name", "user__email"]
    autocomplete_fields = ["user"]
    fields = ["user", "name"]
    actions = ["revoke"]

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False if obj else super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:  # noqa: FBT001  Django's signature
        token, text = issue_token(user=obj.user, name=obj.name)
        obj.pk = token.pk
        self.message_user(request, f"The token is {text}. It is shown this once.", messages.WARNING)

    @admin.action(description="Revoke selected tokens", permissions=["change"])
    @asks_first("Programs that use them are refused from now on.")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            revoke_token(token=token)
