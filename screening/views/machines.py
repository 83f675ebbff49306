"""A facility's machines and what they have sent: for the laboratory, to settle a dispute."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from healthhub.accounts.actors import Role
from healthhub.audit.log import record_access
from records.views.guards import ActingRequest, for_roles
from screening.machines.receiving import KEEP
from screening.models import MachineConnection, MachineMessage
from screening.views.desk import facility_of

PAGE = 25


@for_roles(Role.LABORATORY)
@require_GET
def machines(request: ActingRequest) -> HttpResponse:
    """The connections, and the newest messages with our answer; their content is on a page of its own."""
    facility = facility_of(request)
    found = MachineMessage.objects.filter(facility=facility.pk).select_related("connection").defer("raw")
    after = request.GET.get("after", "")
    if after.isdecimal() and len(after) < 19:
        found = found.filter(pk__lt=int(after))
    page = list(found.order_by("-pk")[: PAGE + 1])
    context = {
        "connections": MachineConnection.objects.filter(facility=facility.pk).order_by("name", "pk"),
        "found": page[:PAGE],
        "days": KEEP.days,
        "first_page": "?" if after else "",
        "next_page": f"?after={page[PAGE - 1].pk}" if len(page) > PAGE else "",
    }
    return render(request, "clinic/machines.html", context)


@for_roles(Role.LABORATORY)
@require_GET
def message(request: ActingRequest, message_id: int) -> HttpResponse:
    """One message as it came, and the answer it got. Looking at it is logged."""
    mine = MachineMessage.objects.filter(facility=facility_of(request).pk).select_related("connection")
    found = get_object_or_404(mine, pk=message_id)
    record_access(
        actor=request.actor,
        action="view",
        patients=[None],
        resource_type="MachineMessage",
        resource_id=str(found.pk),
        reason=request.path,
    )
    raw = bytes(found.raw).decode(found.encoding or "utf-8", "replace")
    context = {
        "message": found,
        "sent": [line for line in raw.splitlines() if line],
        "answered": [line for line in found.answer.splitlines() if line],
    }
    return render(request, "clinic/machine_message.html", context)
