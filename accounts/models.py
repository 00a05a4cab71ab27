"""Users sign in by e-mail; programs by token."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from coupon_site.identifiers import uuid7


class UserManager(BaseUserManager["User"]):
    """What Django's own commands ask of a user model."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email), is_staff=True, is_superuser=True, **fields)
        user.set_password(password)
        user.save(force_insert=True)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person: customer, operator or merchant, told apart by groups."""

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_staff = models.BooleanField(default=False, help_text="May sign in to the admin")
    is_active = models.BooleanField(default=True, help_text="Switch off instead of deleting")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"), name="accounts_user_email", violation_error_message="This e-mail is taken."
            ),
        ]

    def __str__(self) -> str:
        return self.email


class ApiToken(models.Model):
    """A program's key for a user's rights. Only its hash is kept."""

    public_id = models.UUIDField(unique=True, editable=False, default=uuid7)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=8, editable=False, help_text="Its first characters")
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"
