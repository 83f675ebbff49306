"""The auditors' list of records that were opened in an emergency, and their judgement of each."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, OuterRef, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from healthhub.audit.log import record_access
from records.access import REVIEWS
from records.access.emergencies import review_opening, user_of
from records.models import EmergencyAccess, Outcome
from records.views.guards import ActingRequest, for_roles

PAGE = 25


class ReviewForm(forms.Form):
    """What an auditor found, and why."""

    outcome = forms.ChoiceField(
        label=gettext_lazy("Việc mở này"),
        choices=Outcome.choices,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Hãy chọn một mục.")},
    )
    note = forms.CharField(
        label=gettext_lazy("Căn cứ"),
        help_text=gettext_lazy("Đã hỏi ai, đã xem gì."),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
    )


@for_roles(*REVIEWS)
@require_safe
def openings(request: ActingRequest) -> HttpResponse:
    """Those that nobody has looked at first, the longest waiting on top; the others on their own tab, newest first."""
    done = request.GET.get("tab") == "done"
    after = request.GET.get("after", "")
    rows = EmergencyAccess.objects.select_related("patient", "facility")
    rows = rows.exclude(outcome="").order_by("-pk") if done else rows.filter(outcome="").order_by("pk")
    if after.isdecimal() and len(after) < 19:
        rows = rows.filter(pk__lt=int(after)) if done else rows.filter(pk__gt=int(after))
    found = list(rows[: PAGE + 1])
    page = found[:PAGE]
    _log(request, page)
    tab = "&tab=done" if done else ""
    waiting = EmergencyAccess.objects.filter(outcome="").count()
    context = {
        "openings": page,
        "done": done,
        "next": f"?after={page[-1].pk}{tab}" if len(found) > PAGE else "",
        "first": f"?{tab[1:]}" if after else "",
        "tabs": [
            {"label": _("Chờ xem xét"), "href": "?", "count": waiting, "current": not done},
            {"label": _("Đã xem xét"), "href": "?tab=done", "count": None, "current": done},
        ],
    }
    return render(request, "records/emergencies.html", context)


@for_roles(*REVIEWS)
@require_http_methods(["GET", "POST"])
def review(request: ActingRequest, opening_id: int) -> HttpResponse:
    """One opening: who, whose, why, what was looked at under it; and the auditor's judgement, once."""
    opening = get_object_or_404(_counted(), pk=opening_id)
    own = opening.user_id == user_of(request.actor)
    form = ReviewForm(request.POST or None)
    if request.method == "POST" and not opening.outcome and form.is_valid():
        said = form.cleaned_data
        if review_opening(opening=opening, outcome=said["outcome"], note=said["note"], actor=request.actor):
            messages.success(request, _("Đã ghi kết quả xem xét."))
        else:
            messages.warning(request, _("Người khác vừa xem xét việc mở này."))
        return redirect("audit-emergencies")
    _log(request, [opening])
    context: dict[str, Any] = {"opening": opening, "form": form, "own": own}
    return render(request, "records/emergency_review.html", context)


def _counted() -> Any:
    """With how often the same user has opened records at all, and how often without good reason."""
    same = EmergencyAccess.objects.filter(user=OuterRef("user")).order_by().values("user")
    unjustified = same.filter(outcome=Outcome.UNJUSTIFIED)
    return EmergencyAccess.objects.select_related("patient", "facility").annotate(
        times=Subquery(same.annotate(n=Count("pk")).values("n")),
        unjustified=Subquery(unjustified.annotate(n=Count("pk")).values("n")),
    )


def _log(request: ActingRequest, rows: list[EmergencyAccess]) -> None:
    if rows:
        record_access(
            actor=request.actor,
            action="find",
            patients=sorted({one.patient_id for one in rows}),
            resource_type="EmergencyAccess",
            reason=request.path,
        )
