"""How long a session lasts, and where one is signed in.

Limits. A session in which a second factor was given ends after 30 minutes without use, as NIST SP 800-63B-3 (4.2.3)
asks of AAL2, others after 15: a citizen reads on a telephone that others hold too. Both end 12 hours after signing in
(same source), whatever is done in them: a long shift. OWASP ASVS 5.0 (7.3) asks for both limits, and that they be
written down. What a page asks for by itself (htmx's GETs) is no use of it.

Where. Each session has a row that its owner sees and can end. It is refreshed once a minute at most, so a request that
follows another one costs no query.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _

from healthhub.accounts.events import Action, tell
from healthhub.accounts.models import User
from healthhub.accounts.second_factor import has_given_second_factor

IDLE_TWO_FACTORS = timedelta(minutes=30)
IDLE = timedelta(minutes=15)
LONGEST = timedelta(hours=12)
NOTED_EVERY = timedelta(minutes=1)
_SEEN = "seen_at"


class SessionLimits:
    """Ends sessions that have lasted or rested too long, and keeps signed-in pages out of the browser's store."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        signed_in = settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated
        if signed_in:
            _end_or_note(request)
        response = self.get_response(request)
        if signed_in and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)  # "back" after signing out must not show somebody's record
        return response


def sessions_of(user: User) -> list[UserSession]:
    """Where an account is signed in, the one used last first; what has ended is forgotten on the way."""
    found: list[UserSession] = UserSession.objects.purge_and_list(user)
    oldest = time.time() - LONGEST.total_seconds()
    return sorted(
        (one for one in found if one.created_at.timestamp() > oldest), key=lambda one: one.last_seen_at, reverse=True
    )


def end_sessions(user: User, *, keep: str | None = None, only: int | None = None) -> int:
    """End an account's sessions at once, all but the one with the key ``keep``, or the one with the number ``only``;
    how many."""
    rows = UserSession.objects.filter(user=user).exclude(session_key=keep)
    if only is not None:
        rows = rows.filter(pk=only)
    ended = list(rows)
    store = import_module(settings.SESSION_ENGINE).SessionStore
    for row in ended:
        store(row.session_key).delete()
        row.delete()
    return len(ended)


def rename(request: HttpRequest) -> None:
    """Give a session that can do more than before another key; its row follows with the next request."""
    UserSession.objects.filter(session_key=request.session.session_key).delete()
    request.session.pop(_SEEN, None)
    request.session.cycle_key()


def _end_or_note(request: HttpRequest) -> None:
    now = time.time()
    began = min((one["at"] for one in get_authentication_records(request, request.user)), default=0.0)
    seen = request.session.get(_SEEN, began)
    idle = IDLE_TWO_FACTORS if has_given_second_factor(request) else IDLE
    rested = now - seen > idle.total_seconds()
    if rested or now - began > LONGEST.total_seconds():
        _end(request, "idle" if rested and began else "limit")
        return
    by_itself = request.method == "GET" and request.headers.get("HX-Request") == "true"
    if not by_itself and (_SEEN not in request.session or now - seen > NOTED_EVERY.total_seconds()):
        request.session[_SEEN] = now
        UserSession.objects.create_from_request(request)


def _end(request: HttpRequest, how: str) -> None:
    user: Any = request.user
    tell(Action.SIGN_OUT, request, user=user, how=how)
    UserSession.objects.filter(session_key=request.session.session_key).delete()
    logout(request)
    messages.info(request, _("Phiên làm việc đã hết để bảo vệ hồ sơ. Hãy đăng nhập lại."))
