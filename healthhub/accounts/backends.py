"""How a password is checked."""

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.base_user import AbstractBaseUser

from healthhub.accounts.demo import is_refused_demo_user
from healthhub.accounts.models import User


class PasswordBackend(AuthenticationBackend):
    """E-mail and password; the demo's published password opens nothing outside the demo."""

    def user_can_authenticate(self, user: AbstractBaseUser | None) -> bool:
        """Whether this account may sign in at all."""
        if isinstance(user, User) and is_refused_demo_user(user.email):
            return False
        return bool(super().user_can_authenticate(user))

    def get_user(self, user_id: int) -> User | None:
        """The account of a session; a demo session ends when the demo does."""
        user: User | None = super().get_user(user_id)
        return None if user is None or is_refused_demo_user(user.email) else user
