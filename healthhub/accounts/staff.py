"""Who is staff. Roles are kept above this room (``records`` memberships), so whoever knows them answers here."""

from collections.abc import Callable

from healthhub.accounts.models import User

_answers: list[Callable[[User], bool]] = []


def answer_who_is_staff(fn: Callable[[User], bool]) -> None:
    """Register who knows it: ``fn(user)``, True if any role of this account is a staff role."""
    _answers[:] = [fn]


def is_staff(user: User) -> bool:
    """Whether the account opens other people's data; without anybody who knows, every account does."""
    return all(answer(user) for answer in _answers)
