"""Sign-in accounts. What an account may do is not here: roles come from ``records`` memberships."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models

NO_MAILBOX = "citizens.invalid"  # nobody can have an address there (RFC 2606)


class UserManager(BaseUserManager["User"]):
    """Creates accounts that are named by their e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A new account; without a password nobody can sign in with one."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A system administrator's account."""
        return self.create_user(email, password, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """One person's account, whatever roles the person has."""

    email = models.EmailField(unique=True)
    name = models.TextField(blank=True)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.email

    @property
    def is_named_by_email(self) -> bool:
        """False for a citizen's account that was made at her first sign-in: she gave no e-mail address."""
        return not self.email.endswith(f"@{NO_MAILBOX}")

    def get_full_name(self) -> str:
        """The name shown on pages and in the access log."""
        return self.name or (self.email if self.is_named_by_email else "")
