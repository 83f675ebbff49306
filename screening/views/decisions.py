"""Deferring, opting out, ceasing and undoing, by staff and by the citizen for herself; the clinic's lists of recall."""

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor, Role
from healthhub.audit.log import record_access
from records.identity import identity
from records.models import Citizen
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.citizen import here
from screening.clinic.keyset import page_after
from screening.clinic.recall import list_line, recall_lines
from screening.clinic.refusals import faults_of
from screening.forms.recall import DecisionForm, UndoForm
from screening.models import Decision, DecisionKind
from screening.protocol import current, programmes
from screening.recall import lists
from screening.recall.decisions import cease_screening, defer_screening, opt_out, undo_decision
from screening.recall.refresh import refresh_now
from screening.release import programmes_held
from screening.views.desk import facility_of, person_of

KINDS = {"defer": DecisionKind.DEFER, "opt-out": DecisionKind.OPT_OUT, "cease": DecisionKind.CEASE}
PAGE = 50
#: The day by which each of the clinic's lists is in order.
DAYS = {"silent": "ended_on", "review": "review_on", "ceased": "review_on", "ended": "since", "out": "ended_on"}


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def decide(request: ActingRequest, patient_id: str, programme: str, kind: str) -> HttpResponse:
    """Staff defer, opt out or cease somebody whom the facility cares for."""
    facility_of(request)
    if programme not in programmes() or kind not in KINDS:
        raise Http404
    citizen = person_of(request, patient_id)
    form = DecisionForm(request.POST or None, kind=KINDS[kind])
    if form.is_valid() and _save(form, patient_id, programme, kind, request.actor):
        messages.success(request, _("Đã lưu. Có thể hoàn tác ở trang này bất cứ lúc nào."))
        return redirect("clinic-person", patient_id)
    context = {"form": form, "person": identity(citizen, with_area=False)} | _words(programme, kind)
    return render(request, "clinic/step.html", context)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def undo(request: ActingRequest, patient_id: str, request_id: str) -> HttpResponse:
    """Staff undo a decision: she is called again as if it had never been."""
    facility_of(request)
    citizen = person_of(request, patient_id)
    decision = get_object_or_404(Decision, pk=request_id, patient_id=patient_id, undone=False)
    form = UndoForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _undo(form, decision, request.actor, note=form.cleaned_data["note"]):
        messages.success(request, _("Đã hoàn tác. Người này lại được mời theo quy trình."))
        return redirect("clinic-person", patient_id)
    context = {
        "form": form,
        "person": identity(citizen, with_area=False),
        "title": _("Hoàn tác quyết định: %(programme)s") % {"programme": here(current(decision.programme).name)},
        "lead": _("Người này sẽ lại được mời như khi chưa có quyết định. Quyết định cũ vẫn đọc được trong hồ sơ."),
        "button": _("Hoàn tác"),
    }
    return render(request, "clinic/step.html", context)


@for_roles(*CLINIC)
@require_GET
def clinic_recall(request: ActingRequest) -> HttpResponse:
    """Who did not answer, whose ceasing is to be reviewed, and who was ended by a round: people of this facility."""
    facility = facility_of(request)
    today, tab = timezone.localdate(), request.GET.get("tab", "silent")
    silent = lists.nonresponders(facility.pk, actor=request.actor)
    reviews = lists.ceased_for_review(today, actor=request.actor)
    ceased = lists.ceased_for_review(today, actor=request.actor, overdue_only=False)
    ended = lists.ended_without_decision(actor=request.actor)
    out = lists.fallen_out(today, actor=request.actor)
    found: dict[str, Any] = {"silent": silent, "review": reviews, "ceased": ceased, "ended": ended, "out": out}
    if tab not in found:
        raise Http404
    shown, after = page_after(found[tab], DAYS[tab], request.GET.get("after", ""), PAGE, newest_first=tab == "out")
    record_access(
        actor=request.actor,
        action="view",
        patients=[row.patient_id for row in shown] or [None],
        resource_type="Patient",
        reason=request.path,
    )
    labels = (
        ("silent", _("Không phản hồi")),
        ("review", _("Cần xem lại")),
        ("ceased", _("Ngừng mời")),
        ("ended", _("Sau khám")),
        ("out", _("Ra khỏi diện")),
    )
    context = {
        "tab": tab,
        "tabs": [
            {"label": label, "href": f"?tab={key}", "current": key == tab, "count": found[key].count()}
            for key, label in labels
        ],
        "lines": [list_line(row) for row in shown],
        "next": f"?tab={tab}&after={after}" if after else "",
        "programmes": [(key, here(current(key).name)) for key in programmes() if current(key).mode == "invited"],
        "excluding": [
            (key, here(current(key).name))
            for key in programmes()
            if current(key).mode == "invited" and current(key).exclusions
        ],
    }
    return render(request, "clinic/recall.html", context)


@for_roles(Role.CITIZEN)
@require_GET
def mine(request: ActingRequest) -> HttpResponse:
    """My screening programmes: the next date and why, and what I have decided."""
    patient = _me(request.actor)
    record_access(
        actor=request.actor, action="view", patients=[patient], resource_type="ServiceRequest", reason=request.path
    )
    today = timezone.localdate()
    held = programmes_held(patient, today)  # the date and its reason would tell what the result says
    lines = [
        replace(line, kind="wait", word=_("Đang chờ"), due_on=None, why=_("Cơ sở y tế sẽ liên hệ với bạn."))
        if line.programme in held
        else line
        for line in recall_lines(patient, today)
    ]
    return render(request, "screening/me_programmes.html", {"lines": lines})


@for_roles(Role.CITIZEN)
@require_http_methods(["GET", "POST"])
def decide_for_me(request: ActingRequest, programme: str, kind: str) -> HttpResponse:
    """I put it off, or do not want to be called."""
    patient = _me(request.actor)
    if programme not in programmes() or kind not in ("defer", "opt-out"):
        raise Http404
    form = DecisionForm(request.POST or None, kind=KINDS[kind])
    if form.is_valid() and _save(form, patient, programme, kind, request.actor):
        messages.success(request, _("Đã lưu. Bạn có thể đổi ý bất cứ lúc nào."))
        return redirect("me-screening")
    return render(request, "screening/me_decision.html", {"form": form} | _words(programme, kind))


@for_roles(Role.CITIZEN)
@require_http_methods(["GET", "POST"])
def undo_mine(request: ActingRequest, request_id: str) -> HttpResponse:
    """I want to be called again."""
    decision = get_object_or_404(Decision, pk=request_id, patient_id=_me(request.actor), undone=False)
    form = UndoForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _undo(form, decision, request.actor, note=form.cleaned_data["note"]):
        messages.success(request, _("Đã hoàn tác. Bạn lại được mời sàng lọc."))
        return redirect("me-screening")
    context = {
        "form": form,
        "title": _("Được mời lại: %(programme)s") % {"programme": here(current(decision.programme).name)},
        "lead": _("Bạn sẽ lại nhận được lời mời khi đến hạn."),
        "button": _("Mời tôi lại"),
    }
    return render(request, "screening/me_decision.html", context)


def _me(actor: Actor) -> str:
    if actor.patient is None or not Citizen.objects.filter(pk=actor.patient).exists():
        raise Http404
    return actor.patient


def _save(form: DecisionForm, patient: str, programme: str, kind: str, actor: Actor) -> bool:
    """Whether it was saved; if not, the form says why. The person's standing is put right at once."""
    data = form.cleaned_data
    shared = {"patient": patient, "programme": programme, "reason": data["reason"], "actor": actor}
    try:
        if kind == "defer":
            defer_screening(**shared, until=data["ends_on"], note=data["evidence"])
        elif kind == "opt-out":
            opt_out(**shared, note=data["evidence"])
        else:
            cease_screening(**shared, evidence=data["evidence"], review_on=data["ends_on"])
    except Refused as refused:
        _tell(form, refused)
        return False
    refresh_now(patient, timezone.localdate())
    return True


def _undo(form: UndoForm, decision: Decision, actor: Actor, *, note: str) -> bool:
    try:
        undo_decision(decision=decision, actor=actor, note=note)
    except Refused as refused:
        _tell(form, refused)
        return False
    refresh_now(decision.patient_id, timezone.localdate())
    return True


def _tell(form: Any, refused: Refused) -> None:
    for fault in faults_of(refused):
        form.add_error(None, fault.text)


def _words(programme: str, kind: str) -> dict[str, str]:
    name = {"programme": here(current(programme).name)}
    return {
        "defer": {
            "title": _("Hoãn: %(programme)s") % name,
            "lead": _("Không mời cho đến ngày đã chọn; sau ngày đó sẽ mời lại."),
            "button": _("Hoãn đến ngày này"),
        },
        "opt-out": {
            "title": _("Không muốn được mời: %(programme)s") % name,
            "lead": _(
                "Sẽ không còn lời mời của chương trình này cho đến khi hoàn tác. Kết quả đã có vẫn được theo dõi."
            ),
            "button": _("Không mời nữa"),
        },
        "cease": {
            "title": _("Ngừng mời: %(programme)s") % name,
            "lead": _(
                "Chỉ ngừng mời khi có bằng chứng. Quyết định sẽ được xem lại vào ngày đã chọn, và hiện ở danh sách cần "
                "xem lại của cơ sở."
            ),
            "button": _("Ngừng mời với lý do này"),
        },
    }[kind]
