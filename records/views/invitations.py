"""The pages behind an invitation's link. The link's word leaves the address at once: it is worth a role."""

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from healthhub.accounts.models import User
from healthhub.web.context import role_name
from records.forms import OpenAccountForm
from records.models import StaffInvitation
from records.staff import StaffError, accept_invitation, invitation_to_answer, open_account, open_invitation
from records.views.guards import for_everybody

_KEPT = "invitation"


@for_everybody
@never_cache
@require_safe
def open_link(request: HttpRequest, token: str) -> HttpResponseBase:
    """Keep what the link stands for in the session, under an address that says nothing."""
    invitation = open_invitation(token)
    request.session[_KEPT] = invitation.pk if invitation else None
    return redirect("invitation")


@for_everybody
@never_cache
@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest) -> HttpResponseBase:
    """What is offered, and the way to take it: at once, after signing in, or with a new account."""
    number = request.session.get(_KEPT)
    invitation = invitation_to_answer(number) if number else None
    if invitation is None:
        return render(request, "records/invitation_over.html", status=410)
    user = request.user if isinstance(request.user, User) else None
    known = User.objects.filter(email=invitation.email).exists()
    form = (
        None
        if known
        else OpenAccountForm(request.POST or None, email=invitation.email, initial={"name": invitation.name})
    )
    if request.method == "POST" and (user or (form and form.is_valid())):
        return _take(request, invitation, user, form.cleaned_data if form else {})
    context = {
        "invitation": invitation,
        "role": role_name(invitation.role),
        "place_of": invitation.facility or invitation.area or "",
        "form": form,
        "mine": bool(user and user.email == invitation.email),
    }
    return render(request, "records/invitation.html", context)


def _take(
    request: HttpRequest, invitation: StaffInvitation, user: User | None, given: dict[str, str]
) -> HttpResponseBase:
    try:
        if user:
            accept_invitation(invitation=invitation, user=user)
        else:
            open_account(invitation=invitation, name=given["name"], password=given["password"])
    except StaffError as error:
        messages.error(request, str(error))
        return redirect("invitation")
    del request.session[_KEPT]
    if user:
        messages.success(request, _("Bạn đã nhận vai trò."))
        return redirect("roles")
    messages.success(request, _("Đã tạo tài khoản. Hãy đăng nhập để thiết lập xác minh hai bước."))
    return redirect("account_login")
