"""Finding a person, or bringing her into the facility's care. What is typed never stands in an address."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from healthhub.audit.log import record_access
from records.citizens import RegistrationError, find, find_presented, register_citizen
from records.duplicates import possible_duplicates
from records.identity import identity
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.forms.people import FindForm, PresentForm, RegisterForm, split_number
from screening.views.desk import facility_of

SHORTEST_LIVE = 2


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def people(request: ActingRequest) -> HttpResponse:
    """The search: results on the page, or only the list when the box asks while somebody types."""
    form = FindForm(request.POST or None)
    context: dict[str, Any] = {"form": form, "asked": False}
    if request.method == "POST" and form.is_valid():
        query = form.cleaned_data["query"].strip()
        if len(query) >= SHORTEST_LIVE:
            found = find(query, actor=request.actor, after=request.POST.get("after") or None)
            lines = [identity(citizen, with_area=False) for citizen in found.citizens]
            context |= {"asked": True, "people": lines, "after": found.after, "query": query}
    if request.headers.get("HX-Request"):
        return render(request, "clinic/people_found.html", context)
    return render(request, "clinic/people.html", context)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def present(request: ActingRequest) -> HttpResponse:
    """Somebody at the desk shows a number and the birth date: the one we know, or a form to register her."""
    facility = facility_of(request)
    form = PresentForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "clinic/present.html", {"form": form})
    number, born = form.cleaned_data["number"], form.cleaned_data["birth_date"]
    known = find_presented(number=number, birth_date=born)
    if known is None:
        initial = {"birth_date": born, **split_number(number)}
        return render(request, "clinic/register.html", {"form": RegisterForm(initial=initial), "unknown": True})
    if request.POST.get("confirmed") != "yes":
        record_access(
            actor=request.actor, action="find", patients=[known.pk], resource_type="Patient", reason=request.path
        )
        return render(request, "clinic/present.html", {"form": form, "known": known, "facility": facility})
    try:
        patient_id = register_citizen(
            full_name=known.full_name,
            birth_date=born,
            sex=known.sex or "unknown",
            actor=request.actor,
            **split_number(number),
        )
    except RegistrationError as error:
        form.add_error("number", str(error.message))
        return render(request, "clinic/present.html", {"form": form})
    messages.success(request, _("Người này nay thuộc diện chăm sóc của cơ sở bạn."))
    return redirect("clinic-person", patient_id)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def register(request: ActingRequest) -> HttpResponse:
    """A new person: warnings and possible duplicates are shown once before she is registered."""
    facility_of(request)
    form = RegisterForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "clinic/register.html", {"form": form})
    fields = form.registration()
    alike = possible_duplicates(
        full_name=fields["full_name"], birth_date=fields["birth_date"], phone=fields["phone"], actor=request.actor
    )
    mark = _mark(fields, form.warnings, [one.pk for one in alike])
    if (alike or form.warnings) and not constant_time_compare(request.POST.get("mark", ""), mark):
        context = {
            "form": form,
            "alike": [identity(citizen, with_area=False) for citizen in alike],
            "warnings": form.warnings,
            "mark": mark,
        }
        return render(request, "clinic/register.html", context)
    try:
        patient_id = register_citizen(**fields, actor=request.actor)
    except RegistrationError as error:
        form.add_error(error.field if error.field in form.fields else None, str(error.message))
        return render(request, "clinic/register.html", {"form": form})
    messages.success(request, _("Đã đăng ký. Bạn có thể nhập kết quả ngay."))
    return redirect("clinic-person", patient_id)


def _mark(fields: dict[str, Any], warnings: list[str], alike: list[str]) -> str:
    said = sorted((name, str(value)) for name, value in fields.items())
    return salted_hmac("screening.register", repr((said, warnings, alike))).hexdigest()
