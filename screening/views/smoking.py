"""What somebody smokes or smoked: asked at the desk, corrected, taken back."""

from datetime import date

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from fhir.outcomes import Refused
from records.identity import identity
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.clinic.refusals import faults_of
from screening.forms.fields import day_in_address
from screening.forms.smoking import WITHDRAWN, SmokingForm, mark_of
from screening.recall.refresh import refresh_now
from screening.smoking import Statement, record_smoking, smoking_of, withdraw_smoking
from screening.views.desk import facility_of, person_of


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def smoking(request: ActingRequest, patient_id: str) -> HttpResponse:
    """A new statement, or with ``day`` in the address that of the own facility corrected."""
    facility = facility_of(request)
    citizen = person_of(request, patient_id)
    own = {one.day: one for one in smoking_of(patient_id, actor=request.actor) if one.facility == facility.pk}
    day = day_in_address(request.GET.get("day", ""))
    shown = own.get(day) if day else None
    if "day" in request.GET and (shown is None or shown.withdrawn):
        raise Http404
    form = SmokingForm(request.POST or None, born=citizen.birth_date, shown=shown)
    if form.is_valid() and _save(form, request, patient_id, facility.pk, own, shown):
        refresh_now(patient_id, timezone.localdate())
        messages.success(request, _("Đã lưu tiền sử hút thuốc."))
        return redirect("clinic-person", patient_id)
    context = {
        "form": form,
        "person": identity(citizen, with_area=False),
        "title": _("Sửa tiền sử hút thuốc") if shown else _("Tiền sử hút thuốc"),
        "lead": _("Ai hút thuốc nhiều, hoặc mới bỏ, được mời sàng lọc ung thư phổi."),
        "button": _("Lưu"),
    }
    return render(request, "clinic/step.html", context)


def _save(
    form: SmokingForm,
    request: ActingRequest,
    patient: str,
    facility: str,
    own: dict[date, Statement],
    shown: Statement | None,
) -> bool:
    """Whether it was saved; if not, the form says why."""
    data = form.cleaned_data
    there = own.get(data["on"])
    if shown and data["on"] != shown.day:
        form.add_error("on", _("Không sửa được ngày hỏi. Hãy bỏ lần ghi này, rồi ghi lần mới."))
    elif there and not there.withdrawn and not shown:
        form.add_error("on", _("Cơ sở đã ghi tiền sử hút thuốc ngày này. Hãy sửa lần ghi đó ở hồ sơ."))
    elif there and shown and mark_of(there) != data["seen"]:
        form.add_error(None, _("Có người vừa sửa lần ghi này. Hãy mở lại trang và xem bản mới nhất trước khi sửa."))
    else:
        about = {"patient": patient, "facility": facility, "on": data["on"], "seen": there.seen if there else ()}
        try:
            if data["habit"] == WITHDRAWN and there:
                withdraw_smoking(**about, said=there.said, actor=request.actor)
            else:
                record_smoking(**about, said=data["smoking"], actor=request.actor)
        except Refused as refused:
            for fault in faults_of(refused):
                form.add_error(None, fault.text)
    return not form.errors
