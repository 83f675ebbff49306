"""Requests about a record: the person asks and follows, whoever wrote it answers."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from fhir.outcomes import Refused
from healthhub.accounts.actors import Role
from healthhub.audit.log import record_access
from records.models import RecordRequest, RequestKind, RequestState
from records.rights import requests as rights
from records.views.guards import ActingRequest, for_roles

PAGE = 25
_REQUIRED = gettext_lazy("Hãy chọn một mục.")


class AskForm(forms.Form):
    """What is wrong, in the person's own words."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Bạn muốn"),
        choices=RequestKind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _REQUIRED},
    )
    text = forms.CharField(
        label=gettext_lazy("Điều gì chưa đúng, và đúng ra phải thế nào?"),
        help_text=gettext_lazy("Nếu có giấy tờ chứng minh, hãy cho biết đó là giấy gì."),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=2000,
        error_messages={"required": gettext_lazy("Hãy viết điều bạn muốn sửa.")},
    )


class AnswerForm(forms.Form):
    """What is done about it; a refusal says why."""

    state = forms.ChoiceField(
        label=gettext_lazy("Trả lời"), widget=forms.RadioSelect, error_messages={"required": _REQUIRED}
    )
    answer = forms.CharField(
        label=gettext_lazy("Nói với người yêu cầu"),
        help_text=gettext_lazy("Người đó đọc đúng những lời này. Nếu không sửa hoặc không xóa được, hãy nói vì sao."),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=2000,
        required=False,
    )

    def __init__(self, *args: Any, request: RecordRequest, **options: Any) -> None:
        super().__init__(*args, **options)
        state: Any = self.fields["state"]
        accepted = request.state == RequestState.ACCEPTED
        state.choices = [
            *([] if accepted else [(RequestState.ACCEPTED.value, _("Nhận, sẽ làm"))]),
            (RequestState.DONE.value, _("Đã làm xong")),
            (RequestState.REFUSED.value, _("Không làm được")),
        ]

    def clean(self) -> dict[str, Any]:
        """Nobody is turned away without a word."""
        said = super().clean() or {}
        if said.get("state") == RequestState.REFUSED and not said.get("answer", "").strip():
            self.add_error("answer", _("Hãy nói vì sao không làm được."))
        return said


@for_roles(Role.CITIZEN)
@require_http_methods(["GET", "POST"])
def mine(request: ActingRequest) -> HttpResponse:
    """What I have asked, what was answered, until when; and taking back what is open."""
    if request.method == "POST":
        key = request.POST.get("request", "")
        asked = get_object_or_404(RecordRequest, pk=key if key.isdecimal() and len(key) < 19 else None)
        if rights.withdraw_request(request=asked, actor=request.actor):
            messages.success(request, _("Đã rút lại yêu cầu."))
        return redirect("me-requests")
    rows = RecordRequest.objects.filter(patient_id=request.actor.patient).select_related("facility").order_by("-pk")
    context = _page(request, rows.filter(pk__lt=_after(request)) if _after(request) else rows)
    return render(request, "records/my_requests.html", context)


@for_roles(Role.CITIZEN)
@require_http_methods(["GET", "POST"])
def ask(request: ActingRequest) -> HttpResponse:
    """A request about one entry (``?about=Condition/id``) or about who I am."""
    named = request.GET.get("about", "")
    about: tuple[str, str] | None = None
    title = _("Thông tin về tôi")
    if named:
        type_, _slash, id_ = named.partition("/")
        about = type_, id_
        try:
            title, _facility = rights.entry_of(*about, actor=request.actor)
        except Refused as refused:
            raise Http404 from refused
    form = AskForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            rights.ask_about_record(**form.cleaned_data, about=about, actor=request.actor)
        except Refused:
            form.add_error(None, _("Bạn đang có nhiều yêu cầu chờ trả lời. Hãy đợi trả lời hoặc rút lại bớt."))
        else:
            messages.success(request, _("Đã gửi yêu cầu. Bạn sẽ được trả lời trong 2 ngày làm việc."))
            return redirect("me-requests")
    return render(request, "records/ask.html", {"form": form, "title": title})


@for_roles(*rights.ANSWERS)
@require_safe
def waiting(request: ActingRequest) -> HttpResponse:
    """Requests that this place answers, the nearest clock first; those that are over on their own tab."""
    over = request.GET.get("tab") == "over"
    rows = rights.requests_ended(request.actor) if over else rights.requests_to(request.actor)
    if after := _after(request):
        last = get_object_or_404(rows, pk=after) if not over else None
        rows = rows.filter(pk__lt=after) if last is None else rows.filter(done_by__gte=last.done_by).exclude(
            done_by=last.done_by, pk__lte=last.pk
        )  # fmt: skip
    context = _page(request, rows, tab="&tab=over" if over else "") | {
        "over": over,
        "tabs": [
            {
                "label": _("Đang chờ"),
                "href": "?",
                "count": rights.requests_to(request.actor).count(),
                "current": not over,
            },
            {"label": _("Đã xong"), "href": "?tab=over", "count": None, "current": over},
        ],
    }
    _log(request, context["requests"])
    return render(request, "records/requests.html", context)


@for_roles(*rights.ANSWERS)
@require_http_methods(["GET", "POST"])
def answer(request: ActingRequest, request_id: int) -> HttpResponse:
    """One request in full, and the answer."""
    every = rights.requests_to(request.actor) | rights.requests_ended(request.actor)
    asked = get_object_or_404(every.order_by("pk"), pk=request_id)
    form = AnswerForm(request.POST or None, request=asked)
    if request.method == "POST" and asked.is_open and form.is_valid():
        if rights.answer_request(request=asked, actor=request.actor, **form.cleaned_data):
            messages.success(request, _("Đã gửi trả lời."))
        else:
            messages.warning(request, _("Người khác vừa trả lời yêu cầu này."))
        return redirect("requests")
    _log(request, [_line(asked)])
    return render(request, "records/request.html", {"one": _line(asked), "form": form})


def _after(request: ActingRequest) -> int | None:
    after = request.GET.get("after", "")
    return int(after) if after.isdecimal() and len(after) < 19 else None


def _line(one: RecordRequest) -> dict[str, Any]:
    """A request with what its clock says."""
    today = timezone.localdate()
    return {
        "row": one,
        "by": one.answer_by if one.state == RequestState.ASKED else one.done_by,
        "late": rights.is_late(one, today),
    }


def _page(request: ActingRequest, rows: Any, *, tab: str = "") -> dict[str, Any]:
    found = list(rows[: PAGE + 1])
    return {
        "requests": [_line(one) for one in found[:PAGE]],
        "next": f"?after={found[PAGE - 1].pk}{tab}" if len(found) > PAGE else "",
        "first": f"?{tab[1:]}" if _after(request) else "",
    }


def _log(request: ActingRequest, lines: list[dict[str, Any]]) -> None:
    people = sorted({line["row"].patient_id for line in lines})
    if people:
        record_access(
            actor=request.actor, action="view", patients=people, resource_type="RecordRequest", reason=request.path
        )
