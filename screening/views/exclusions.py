"""Who is not called because of a recorded fact: the clinic's people, the city's numbers of records, and the review."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor, Role
from healthhub.audit.log import record_access
from healthhub.postgresql.wall import unwalled
from records.identity import identity
from records.views.guards import CITY, CLINIC, ActingRequest, for_roles
from screening.citizen import here, written
from screening.clinic.refusals import faults_of
from screening.clinic.standing import why_excluded
from screening.clinic.worklist import area_choices
from screening.forms.recall import WithdrawalForm
from screening.protocol import Protocol, current, programmes, protocol_for
from screening.recall.exclusions import (
    OPEN,
    REVIEWED,
    Excluded,
    describe,
    excluded_people,
    withdraw_exclusion,
)
from screening.recall.refresh import refresh_now
from screening.views.desk import facility_of, person_of

PAGE = 50


@for_roles(*CLINIC)
@require_GET
def clinic_excluded(request: ActingRequest, programme: str) -> HttpResponse:
    """People of this facility, by programme, those whom nobody has reviewed first."""
    facility_of(request)
    return render(request, "clinic/excluded.html", _list(request, programme, actor=request.actor))


@for_roles(*CITY)
@require_GET
def city_excluded(request: ActingRequest, programme: str) -> HttpResponse:
    """By record number, place and facility, for officers see nobody's name; ``area`` narrows it to a place."""
    with unwalled():  # officers read nobody's record: of the facts that exclude, the page shows what and where
        listed = _list(request, programme, actor=None)
    return render(request, "city/recall_excluded.html", listed)


@for_roles(Role.CLINICIAN)
@require_http_methods(["GET", "POST"])
def withdraw(request: ActingRequest, patient_id: str, programme: str) -> HttpResponse:
    """What excludes her was recorded by mistake: she is called again."""
    facility_of(request)
    citizen, today = person_of(request, patient_id), timezone.localdate()
    if programme not in programmes():
        raise Http404
    protocol = protocol_for(programme, today)
    (one,) = describe(protocol, today, [citizen])
    if not one.stand.exclusions:
        raise Http404
    form = WithdrawalForm(request.POST or None)
    if form.is_valid():
        try:
            for fact in one.stand.exclusions:
                withdraw_exclusion(
                    patient=patient_id, source=fact.source, note=form.cleaned_data["note"], actor=request.actor
                )
        except Refused as refused:
            for fault in faults_of(refused):
                form.add_error(None, fault.text)
        else:
            refresh_now(patient_id, today)
            messages.success(request, _("Đã lưu. Người này lại được mời theo quy trình."))
            return redirect("clinic-person", patient_id)
    context = {
        "form": form,
        "person": identity(citizen, with_area=False),
        "title": _("Lý do loại trừ ghi nhầm: %(programme)s") % {"programme": here(protocol.name)},
        "lead": why_excluded(protocol, one.stand),
        "button": _("Bỏ lý do loại trừ"),
    }
    return render(request, "clinic/step.html", context)


def _list(request: ActingRequest, programme: str, *, actor: Actor | None) -> dict[str, Any]:
    state, after, today = request.GET.get("state", OPEN), request.GET.get("after", ""), timezone.localdate()
    if programme not in programmes() or state not in (OPEN, REVIEWED):
        raise Http404
    protocol = protocol_for(programme, today)
    found = excluded_people(protocol, today, state=state, actor=actor).select_related("area__parent", "facility")
    asked = "" if actor else request.GET.get("area", "")[:9]
    lived_in = set() if actor else set(found.order_by().values_list("area", flat=True).distinct()) - {None}
    areas = area_choices(lived_in | ({int(asked)} if asked.isascii() and asked.isdigit() else set()))
    area = asked if asked in dict(areas) else ""
    if area:
        found = found.filter(area=int(area))
    kept = {"area": area} if area else {}
    rows = list(found.filter(pk__gt=after.replace("\x00", ""))[: PAGE + 1])
    people = rows[:PAGE]
    record_access(
        actor=request.actor,
        action="view",
        patients=[one.pk for one in people] or [None],
        resource_type="Patient",
        reason=request.path,
    )
    more = urlencode({"state": state, **kept, "after": people[-1].pk}) if len(rows) > PAGE else ""
    return {
        "programme": programme,
        "name": here(protocol.name),
        "state": state,
        "lines": [_line(protocol, one) for one in describe(protocol, today, people)],
        "next": f"?{more}" if more else "",
        "areas": areas,
        "area": area,
        "tabs": [
            {"label": label, "href": f"?{urlencode({'state': key, **kept})}", "current": key == state, "count": None}
            for key, label in ((OPEN, _("Chưa xem lại")), (REVIEWED, _("Đã xem lại")))
        ],
        "programmes": [
            (key, here(current(key).name))
            for key in programmes()
            if current(key).exclusions and current(key).mode == "invited"
        ],
    }


def _line(protocol: Protocol, one: Excluded) -> dict[str, Any]:
    places = dict.fromkeys(one.recorded_by[fact.source] for fact in one.stand.exclusions)
    review = one.decision.review_on if one.decision else None
    return {
        "patient": one.citizen,
        "why": why_excluded(protocol, one.stand),
        "recorded_by": ", ".join(filter(None, places)),
        "evidence": one.decision.evidence if one.decision else "",
        "kind": "wait" if one.decision else "act",
        "word": _("Xem lại %(day)s") % {"day": written(review)} if review else _("Chưa xem lại"),
    }
