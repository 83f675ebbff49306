"""What a check has found and a person must judge: an officer looks, and says why nobody is lost."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from fhir.outcomes import Refused
from healthhub.accounts.actors import Role
from healthhub.audit.log import record_access
from records.identity import identity
from records.models import Citizen
from records.views.guards import ActingRequest, for_roles
from screening.clinic.refusals import faults_of
from screening.failsafe.checks import CHECKS
from screening.failsafe.people import need_names
from screening.failsafe.reviews import REVIEWABLE, alarms, review_alarm
from screening.failsafe.scope import scope_of
from screening.forms.bulk import WhyForm


@for_roles(Role.OFFICER)
@require_http_methods(["GET", "POST"])
def review(request: ActingRequest, alarm_id: int) -> HttpResponse:
    """Look at one person whom a check has found, and settle it with a reason."""
    scope = scope_of(request.actor)
    need_names(scope)
    alarm = get_object_or_404(alarms().filter(check_name__in=REVIEWABLE, reviewed=False), pk=alarm_id)
    people = Citizen.objects.all() if scope.areas is None else Citizen.objects.filter(area__in=scope.areas)
    citizen = people.filter(pk=alarm.patient_id).first()
    if citizen is None:
        raise Http404
    record_access(
        actor=request.actor, action="view", patients=[citizen.pk], resource_type="Patient", reason=request.path
    )
    check = next(one for one in CHECKS if one.key == alarm.check_name)
    form = WhyForm(request.POST or None)
    if form.is_valid():
        try:
            review_alarm(alarm=alarm, why=form.cleaned_data["why"], actor=request.actor)
        except Refused as refused:
            for fault in faults_of(refused):
                form.add_error(None, fault.text)
        else:
            messages.success(request, _("Đã ghi. Nếu có gì thay đổi ở người này, cảnh báo sẽ trở lại."))
            return redirect("city-forgotten")
    context = {
        "form": form,
        "person": identity(citizen, with_area=False),
        "title": _("Đã xem xét: %(check)s") % {"check": check.title},
        "lead": str(check.remedy),
        "button": _("Ghi đã xem xét"),
        "back": reverse("city-forgotten"),
    }
    return render(request, "city/failsafe_form.html", context)
