"""Opening a record in an emergency, from a number or from the page that may not be seen, and closing it again."""

from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from records.access import OPENS, can_see
from records.access.emergencies import NotOpened, end_opening, open_record, openings_of
from records.citizens import find_numbered
from records.models import EmergencyAccess
from records.views.guards import ActingRequest, for_roles
from screening.forms.emergency import EmergencyForm, NumberedEmergencyForm
from screening.views.desk import facility_of

#: Tries, also those that find nobody: numbers cannot be tried out one after the other.
TRIES = "20/h/key"


@for_roles(*OPENS)
@require_http_methods(["GET", "POST"])
def open_numbered(request: ActingRequest) -> HttpResponse:
    """Somebody of whom only the number is at hand; nothing of her is shown before the record is open."""
    form = NumberedEmergencyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        person = find_numbered(form.cleaned_data["number"])
        return _open(request, form, person.pk if person else "")
    return _page(request, form)


@for_roles(*OPENS)
@require_http_methods(["GET", "POST"])
def open_person(request: ActingRequest, patient_id: str) -> HttpResponse:
    """From the page that may not be seen. The form is the same whether there is such a person or not."""
    if can_see(request.actor, patient_id):
        return redirect("clinic-person", patient_id)
    form = EmergencyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _open(request, form, patient_id)
    return _page(request, form)


@for_roles(*OPENS)
@require_POST
def end(request: ActingRequest, opening_id: int) -> HttpResponse:
    """The emergency is over before its time."""
    end_opening(opening=get_object_or_404(EmergencyAccess, pk=opening_id), actor=request.actor)
    messages.success(request, _("Đã đóng hồ sơ."))
    return redirect("clinic-people")


def _open(request: ActingRequest, form: EmergencyForm, patient: str) -> HttpResponse:
    who, config = request.actor.id, {"emergency": TRIES}
    if not ratelimit.consume(request, app="records", action="emergency", config=config, key=who):
        form.add_error(None, _("Bạn đã thử quá nhiều lần. Hãy đợi một giờ, hoặc nhờ đồng nghiệp."))
        return _page(request, form, status=429)
    if patient and can_see(request.actor, patient):  # her own facility's anyway: nothing to be opened
        return redirect("clinic-person", patient)
    try:
        open_record(
            patient=patient, reason=form.cleaned_data["reason"], told=form.cleaned_data["told"], actor=request.actor
        )
    except NotOpened as error:
        form.add_error(None, _too_many() if error.code == "too-many" else _unknown())
        return _page(request, form, status=403)
    return redirect("clinic-person", patient)


def _page(request: ActingRequest, form: EmergencyForm, *, status: int = 200) -> HttpResponse:
    facility_of(request)
    context = {
        "form": form,
        "hours": settings.EMERGENCY_HOURS,
        "opened": openings_of(request.actor),
        "most": settings.EMERGENCIES_A_DAY,
    }
    return render(request, "clinic/emergency.html", context, status=status)


def _too_many() -> str:
    return _("Bạn đã mở khẩn cấp đủ số hồ sơ được phép trong 24 giờ. Hãy nhờ đồng nghiệp mở.")


def _unknown() -> str:
    return _(
        "Không mở được: không có người này, hoặc người đó đã mất. Hãy kiểm tra lại số. Lần thử này đã được ghi lại."
    )
