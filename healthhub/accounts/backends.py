"""How a password is checked."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.http import HttpRequest

from healthhub.accounts.demo import is_refused_demo_user
from healthhub.accounts.models import User


class PasswordBackend(AuthenticationBackend):
    """E-mail and password; the demo's published password opens nothing outside the demo."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> User | None:
        """The account behind e-mail and password, or None.

        The refusal comes first: allauth takes somebody who may not sign in for one who has yet to be activated.
        """
        name = credentials.get("email") or credentials.get("login") or credentials.get("username") or ""
        if is_refused_demo_user(name):
            return None
        user: User | None = super().authenticate(request, **credentials)
        return user

    def get_user(self, user_id: int) -> User | None:
        """The account of a session; a demo session ends when the demo does."""
        user: User | None = super().get_user(user_id)
        return None if user is None or is_refused_demo_user(user.email) else user
