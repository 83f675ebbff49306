"""Moving a round on: referral, assessment, closing with a reason. Each page says what will be written, then asks."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from fhir.outcomes import Refused
from records.identity import identity
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.appointments.booking import open_appointment
from screening.appointments.offers import free_slots, service_of_episode
from screening.assessing import assessment_of, assessments_after, record_assessment, refer_for_assessment
from screening.citizen import here
from screening.clinic.person import result_lines
from screening.clinic.refusals import faults_of
from screening.clinic.steps import step_name
from screening.failsafe.closing import close_step
from screening.failsafe.contacts import contacts_of, record_contact
from screening.forms.appointments import service_key
from screening.forms.bulk import ContactForm
from screening.forms.steps import AssessForm, CloseForm, ReferForm
from screening.marks import with_known
from screening.models import Episode, EpisodeState
from screening.places import seen_from
from screening.protocol import current, programmes, protocol_for
from screening.views.desk import facility_of, person_of, result_of


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def refer(request: ActingRequest, patient_id: str, observation_id: str) -> HttpResponse:
    """Refer somebody for the assessment that her result leads to."""
    facility_of(request)
    citizen, result = person_of(request, patient_id), result_of(patient_id, observation_id)
    assessment = _assessment(result)
    due = result.episode.due_on if result.episode else None
    form = ReferForm(request.POST or None, initial={"due_on": due if due and due >= timezone.localdate() else None})
    if form.is_valid():
        try:
            refer_for_assessment(result=result, actor=request.actor, **form.cleaned_data)
        except Refused as refused:
            _tell(form, refused)
        else:
            messages.success(
                request, _("Đã giới thiệu đi khám. Việc này ở thẻ “Chờ kết quả khám” cho đến khi có kết luận.")
            )
            return redirect(
                _booking(request, patient_id, result.episode_id) or reverse("clinic-person", args=[patient_id])
            )
    context = {
        "form": form,
        "person": identity(citizen, with_area=False),
        "line": result_lines([result], actor=request.actor)[0],
        "title": _("Giới thiệu: %(step)s") % {"step": here(assessment.name)},
        "button": _("Giới thiệu đi khám"),
    }
    return render(request, "clinic/step.html", context)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def assess(request: ActingRequest, patient_id: str, observation_id: str) -> HttpResponse:
    """Record that the assessment took place and what it found."""
    facility_of(request)
    citizen, result = person_of(request, patient_id), result_of(patient_id, observation_id)
    offered = _assessments(result)
    assessment = next((one for one in offered if one.key == request.GET.get("what")), offered[0])
    opened = result.episode.opened_on if result.episode else result.collected_on
    protocol = protocol_for(result.programme, opened)
    form = AssessForm(request.POST or None, assessment=assessment, protocol=protocol, earliest=result.collected_on)
    if form.is_valid():
        try:
            record_assessment(result=result, actor=request.actor, **form.assessed())
        except Refused as refused:
            _tell(form, refused)
        else:
            messages.success(request, _("Đã ghi kết luận khám."))
            return redirect("clinic-person", patient_id)
    context = {
        "form": form,
        "person": identity(citizen, with_area=False),
        "line": result_lines([result], actor=request.actor)[0],
        "title": _("Ghi kết luận: %(step)s") % {"step": here(assessment.name)},
        "button": _("Lưu kết luận"),
        "following": form.following,
        "offered": [(one.key, here(one.name)) for one in offered if one.key != assessment.key],
    }
    return render(request, "clinic/step.html", context)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def close(request: ActingRequest, patient_id: str, episode_id: str) -> HttpResponse:
    """Close what a round waits for, with a coded reason of its protocol: here, if this facility holds a step of it."""
    citizen = person_of(request, patient_id)
    rounds = Episode.objects.filter(patient_id=patient_id).exclude(state=EpisodeState.CLOSED)
    held = get_object_or_404(with_known(rounds.select_related("patient")), pk=episode_id)
    episode = seen_from(held, facility_of(request).pk)
    protocol = protocol_for(episode.programme, episode.opened_on)
    shown = {"known": episode.known}
    form = CloseForm(request.POST or None, protocol=protocol, earliest=episode.opened_on, initial=shown)
    if form.is_valid():
        try:
            asked = close_step(episode=episode, actor=request.actor, **form.cleaned_data)
        except Refused as refused:
            _tell(form, refused)
        else:
            messages.success(
                request,
                _("Đã ghi. Bước này vẫn mở cho đến khi một người khác xác nhận, ở “Các bước đã khép lại”.")
                if asked
                else _("Đã khép lại bước này với lý do. Kết quả mới sẽ mở lại."),
            )
            return redirect("clinic-person", patient_id)
    context = {
        "form": form,
        "person": identity(citizen, with_area=False),
        "title": _("Khép lại: %(step)s") % {"step": here(step_name(episode))},
        "button": _("Khép lại với lý do này"),
        "closing": True,
    }
    return render(request, "clinic/step.html", context)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def contact(request: ActingRequest, patient_id: str, programme: str) -> HttpResponse:
    """Record one try to reach somebody, about her open round or her invitation."""
    facility_of(request)
    citizen = person_of(request, patient_id)
    if programme not in programmes():
        raise Http404
    rounds = Episode.objects.filter(patient_id=patient_id, programme=programme).exclude(state=EpisodeState.CLOSED)
    form = ContactForm(request.POST or None)
    if form.is_valid():
        try:
            record_contact(
                patient_id=patient_id,
                programme=programme,
                episode=rounds.order_by("-opened_on").first(),
                actor=request.actor,
                **form.attempt(),
            )
        except Refused as refused:
            _tell(form, refused)
        else:
            messages.success(request, _("Đã ghi lần liên lạc."))
            return redirect("clinic-person", patient_id)
    context = {
        "form": form,
        "person": identity(citizen, with_area=False),
        "title": _("Ghi lần liên lạc: %(programme)s") % {"programme": here(current(programme).name)},
        "button": _("Lưu lần liên lạc"),
        "contacts": contacts_of(patient_id)[:5],
        "contacting": True,
    }
    return render(request, "clinic/step.html", context)


def _booking(request: ActingRequest, patient_id: str, episode_id: Any) -> str:
    """Where to book what she was just referred for; "" where no place is free, or she has one."""
    episode = Episode.objects.filter(pk=episode_id, state=EpisodeState.REFERRED).first()
    if episode is None:
        return ""
    service = service_of_episode(episode)
    if open_appointment(patient_id, service) or not free_slots(service, actor=request.actor).exists():
        return ""
    return f"{reverse('clinic-appointment-new', args=[patient_id])}?service={service_key(service)}"


def _assessment(result: Any) -> Any:
    """The assessment that the result leads to; 404 if there is none, for then no page links here."""
    try:
        return assessment_of(result)
    except Refused:
        raise Http404 from None


def _assessments(result: Any) -> list[Any]:
    """What may be recorded now, the one that the round waits for first."""
    first = _assessment(result)
    after = assessments_after(result.episode) if result.episode else []
    return [first, *(one for one in after if one.key != first.key)]


def _tell(form: Any, refused: Refused) -> None:
    for fault in faults_of(refused):
        form.add_error(None, fault.text)
