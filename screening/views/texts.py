"""The texts that citizens read: the whole department sees what is a draft, its officers approve."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from healthhub.accounts.actors import Role
from records.views.guards import CITY, ActingRequest, for_roles
from screening.approvals import approvals
from screening.citizen import here
from screening.messages.alarms import held as unapproved
from screening.protocol import current
from screening.wording import MESSAGES, Wording, approve, groups, may_approve, withdraw, wordings


@for_roles(*CITY)
@require_GET
def overview(request: ActingRequest) -> HttpResponse:
    """How many texts of each group are approved, and what is held back until theirs is."""
    found = {group: wordings(group) for group in groups()}
    held = approvals(one.key for texts in found.values() for one in texts)
    context = {
        "groups": [
            {
                "key": group,
                "name": _name(group),
                "total": len(texts),
                "approved": sum((one.key, one.sha256) in held for one in texts),
            }
            for group, texts in found.items()
        ],
        "held": unapproved(),
        "demo": settings.DEMO,
    }
    return render(request, "city/texts.html", context)


@for_roles(*CITY)
@require_GET
def group(request: ActingRequest, group: str) -> HttpResponse:
    """Every text of a group in both languages, where it is shown, and who approved it."""
    found = _of(group)
    held = approvals(one.key for one in found)
    lines: list[dict[str, Any]] = [{"text": one, "approval": held.get((one.key, one.sha256))} for one in found]
    lines.sort(key=lambda line: line["approval"] is not None)  # drafts first
    context = {
        "group": group,
        "name": _name(group),
        "lines": lines,
        "drafts": sum(line["approval"] is None for line in lines),
        "may_approve": may_approve(request.actor),
    }
    return render(request, "city/texts_group.html", context)


@for_roles(Role.OFFICER)
@require_POST
def decide(request: ActingRequest, group: str) -> HttpResponse:
    """Approve the texts that were ticked, or take an approval back. What changed since it was read is left alone."""
    found = {one.sha256: one for one in _of(group)}
    if (taken := found.get(request.POST.get("withdraw", ""))) is not None:
        if withdraw(taken, actor=request.actor):
            messages.success(request, _("Đã rút lại. Mẫu nội dung này trở về bản nháp."))
        return redirect("city-texts-group", group)
    ticked = request.POST.getlist("text")
    chosen = [found[one] for one in ticked if one in found]
    count = approve(chosen, actor=request.actor)
    if count:
        text = ngettext("Đã duyệt %(count)d mẫu nội dung.", "Đã duyệt %(count)d mẫu nội dung.", count)
        messages.success(request, text % {"count": count})
    elif not ticked:
        messages.error(request, _("Hãy chọn ít nhất một mẫu nội dung."))
    if len(chosen) < len(ticked):
        messages.error(request, _("Có mẫu nội dung đã thay đổi sau khi bạn mở trang. Hãy đọc lại."))
    return redirect("city-texts-group", group)


def _of(group: str) -> list[Wording]:
    if group not in groups():
        raise Http404
    return wordings(group)


def _name(group: str) -> str:
    return _("Thư và tin nhắn") if group == MESSAGES else here(current(group).name)
