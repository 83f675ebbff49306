"""A facility's machines: who may send, what they have sent, and what was refused and waits for somebody."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from fhir.outcomes import Refused
from healthhub.accounts.actors import Role
from healthhub.audit.log import record_access
from records.views.guards import ActingRequest, for_roles
from screening.clinic.refusals import faults_of
from screening.forms.machines import MachineForm, SettleForm
from screening.machines.connections import (
    COUNTED,
    NotPossible,
    add_connection,
    change_connection,
    connections_of,
    start_connection,
    stop_connection,
)
from screening.machines.inbox import SETTLED_AS, settle_message, waiting_messages
from screening.machines.people import people_in
from screening.machines.receiving import KEEP
from screening.models import MachineConnection, MachineMessage
from screening.views.desk import facility_of

PAGE = 25


@for_roles(Role.LABORATORY)
@require_GET
def machines(request: ActingRequest) -> HttpResponse:
    """What waits, the connections with their traffic, the newest messages; their content is on pages of their own."""
    facility = facility_of(request)
    found = MachineMessage.objects.filter(facility=facility.pk).select_related("connection").defer("raw")
    after = request.GET.get("after", "")
    if after.isdecimal() and len(after) < 19:
        found = found.filter(pk__lt=int(after))
    page = list(found.order_by("-pk")[: PAGE + 1])
    waiting = list(waiting_messages(facility.pk).select_related("connection").defer("raw")[: PAGE + 1])
    context = {
        "connections": connections_of(facility.pk),
        "counted": COUNTED.days,
        "waiting": waiting[:PAGE],
        "more_waiting": len(waiting) > PAGE,
        "found": page[:PAGE],
        "days": KEEP.days,
        "first_page": "?" if after else "",
        "next_page": f"?after={page[PAGE - 1].pk}" if len(page) > PAGE else "",
    }
    return render(request, "clinic/machines.html", context)


@for_roles(Role.LABORATORY)
@require_http_methods(["GET", "POST"])
def new(request: ActingRequest) -> HttpResponse:
    """Let another machine send."""
    facility = facility_of(request)
    form = MachineForm(request.POST or None)
    if form.is_valid():
        try:
            add_connection(facility=facility, actor=request.actor, **form.cleaned_data)
        except NotPossible as fault:
            form.add_error("sending_facility", str(fault))
        else:
            messages.success(request, _("Đã bật nhận kết quả từ máy này."))
            return redirect("clinic-machines")
    return render(request, "clinic/machine_form.html", {"form": form})


@for_roles(Role.LABORATORY)
@require_http_methods(["GET", "POST"])
def change(request: ActingRequest, connection_id: int) -> HttpResponse:
    """Another name, address or set of tests, e.g. of a machine that was replaced."""
    machine = _own(request, connection_id)
    form = MachineForm(request.POST if request.method == "POST" else None, machine=machine)
    if form.is_valid():
        try:
            change_connection(connection=machine, actor=request.actor, told=form.cleaned_data)
        except NotPossible as fault:
            form.add_error("sending_facility", str(fault))
        else:
            messages.success(request, _("Đã lưu. Thông điệp tiếp theo được nhận theo khai báo mới."))
            return redirect("clinic-machines")
    return render(request, "clinic/machine_form.html", {"form": form, "machine": machine})


@for_roles(Role.LABORATORY)
@require_POST
def switch(request: ActingRequest, connection_id: int) -> HttpResponse:
    """Stop a machine, or let it send again."""
    machine = _own(request, connection_id)
    try:
        if request.POST.get("act") == "start":
            start_connection(connection=machine, actor=request.actor)
            messages.success(request, _("Đã bật lại việc nhận kết quả từ máy này."))
        else:
            stop_connection(connection=machine, actor=request.actor)
            messages.success(request, _("Đã tắt: từ bây giờ không nhận gì từ máy này."))
    except NotPossible as fault:
        messages.error(request, str(fault))
    return redirect("clinic-machines")


@for_roles(Role.LABORATORY)
@require_http_methods(["GET", "POST"])
def message(request: ActingRequest, message_id: int) -> HttpResponse:
    """One message as it came, and the answer it got; one that was refused can be settled. Looking at it is logged."""
    mine = MachineMessage.objects.filter(facility=facility_of(request).pk).select_related("connection")
    found = get_object_or_404(mine, pk=message_id)
    form = SettleForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            settle_message(message=found, actor=request.actor, **form.cleaned_data)
            messages.success(request, _("Đã ghi nhận."))
        except Refused as refused:
            for fault in faults_of(refused):
                messages.error(request, fault.text)
        return redirect("clinic-machines")
    raw = bytes(found.raw).decode(found.encoding or "utf-8", "replace")
    sent = [line for line in raw.splitlines() if line][:500]
    record_access(
        actor=request.actor,
        action="view",
        patients=people_in(sent, facility=found.facility) or [None],
        resource_type="MachineMessage",
        resource_id=str(found.pk),
        reason=request.path,
    )
    context = {
        "message": found,
        "settle": None if found.accepted or found.settled_at else form,
        "settled": SETTLED_AS.get(found.settled_as, found.settled_as),
        "sent": sent,
        "answered": [line for line in found.answer.splitlines() if line],
    }
    return render(request, "clinic/machine_message.html", context)


def _own(request: ActingRequest, connection_id: int) -> MachineConnection:
    return get_object_or_404(MachineConnection, pk=connection_id, facility=facility_of(request).pk)
