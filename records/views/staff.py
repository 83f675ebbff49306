"""Administrators' pages: who works here, whom to ask, whose role ends."""

from smtplib import SMTPException

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from healthhub.accounts.actors import Role
from healthhub.audit.log import record_access
from healthhub.web.context import role_name
from records import staff
from records.forms import InviteForm
from records.models import Membership
from records.views.guards import ActingRequest, for_roles

PAGE = 50
MOST_INVITATIONS = 100


@for_roles(*staff.GIVES)
def members(request: ActingRequest) -> HttpResponse:
    """Those whose roles the administrator gives, by name, and the invitations that nobody has answered yet."""
    text = request.GET.get("q", "").strip()
    rows = staff.staff_of(request.actor).order_by("user__name", "pk")
    if text:
        rows = rows.filter(Q(user__name__icontains=text) | Q(user__email__icontains=text))
    after = request.GET.get("after", "")
    if after.isdecimal() and (last := Membership.objects.filter(pk=after).select_related("user").first()) and last.user:
        rows = rows.filter(Q(user__name__gt=last.user.name) | Q(user__name=last.user.name, pk__gt=last.pk))
    found = list(rows[: PAGE + 1])
    record_access(actor=request.actor, action="view", patients=[None], resource_type="Membership", reason=request.path)
    context = {
        "text": text,
        "members": [_line(one) for one in found[:PAGE]],
        "last": found[PAGE - 1].pk if len(found) > PAGE else None,
        "invitations": [
            {"row": one, "role": role_name(one.role)} for one in staff.invitations_of(request.actor)[:MOST_INVITATIONS]
        ],
        "everywhere": request.actor.role is Role.ADMIN,
    }
    return render(request, "records/staff.html", context)


@for_roles(*staff.GIVES)
@require_http_methods(["GET", "POST"])
def invite(request: ActingRequest) -> HttpResponseBase:
    """Ask somebody by e-mail."""
    form = InviteForm(request.POST or None, actor=request.actor)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            staff.invite_staff(
                email=data["email"],
                name=data["name"],
                role=Role(data["role"]),
                facility=data.get("facility"),
                area=data.get("area"),
                actor=request.actor,
            )
        except staff.StaffError as error:
            form.add_error("email", str(error))
        except (SMTPException, OSError):
            form.add_error(None, _("Chưa gửi được thư mời. Hãy thử lại sau ít phút."))
        else:
            messages.success(request, _("Đã gửi thư mời."))
            return redirect("staff")
    return render(request, "records/staff_invite.html", {"form": form})


@for_roles(*staff.GIVES)
@require_POST
def withdraw(request: ActingRequest, invitation_id: int) -> HttpResponseBase:
    """Its link opens nothing any more."""
    invitation = get_object_or_404(staff.invitations_of(request.actor), pk=invitation_id)
    staff.withdraw_invitation(invitation=invitation, actor=request.actor)
    messages.success(request, _("Đã rút lời mời."))
    return redirect("staff")


@for_roles(*staff.GIVES)
@require_http_methods(["GET", "POST"])
def end(request: ActingRequest, membership_id: int) -> HttpResponseBase:
    """End a role, after asking once."""
    membership = get_object_or_404(staff.staff_of(request.actor), pk=membership_id)
    if request.method == "POST":
        staff.end_membership(membership=membership, actor=request.actor)
        messages.success(request, _("Vai trò đã chấm dứt. Người này không mở được gì bằng vai trò đó nữa."))
        return redirect("staff")
    return render(request, "records/staff_end.html", {"one": _line(membership)})


def _line(membership: Membership) -> dict[str, object]:
    return {"row": membership, "role": role_name(membership.role), "place": membership.facility or membership.area}
