"""The clinic's first page: what is to be done, most pressing first."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.clinic.worklist import TABS, Filters, load_worklist, programme_choices, step_choices
from screening.views.desk import facility_of


@for_roles(*CLINIC)
@require_GET
def worklist(request: ActingRequest) -> HttpResponse:
    """Tabs with counts; the tab, the filters and the page are in the address."""
    asked = {name: request.GET.get(name, "") for name in ("tab", "programme", "step", "after")}
    programmes = programme_choices()
    programme = asked["programme"] if asked["programme"] in dict(programmes) else ""
    steps = step_choices(programme)
    filters = Filters(programme, asked["step"] if asked["step"] in dict(steps) else "")
    found = load_worklist(
        facility=facility_of(request).pk,
        on=timezone.localdate(),
        tab=asked["tab"],
        filters=filters,
        after=asked["after"],
        actor=request.actor,
        reason=request.path,
    )
    query = request.GET.copy()
    query.pop("after", None)
    tabs = []
    for key, label in TABS.items():
        query["tab"] = key
        tabs.append(
            {"label": label, "href": f"?{query.urlencode()}", "count": found.counts[key], "current": key == found.tab}
        )
    query["tab"] = found.tab
    first = query.urlencode()
    query["after"] = found.after
    context = {
        "worklist": found,
        "tabs": tabs,
        "filters": filters,
        "programmes": programmes,
        "steps": steps,
        "first_page": f"?{first}" if asked["after"] else "",
        "next_page": f"?{query.urlencode()}" if found.after else "",
    }
    return render(request, "clinic/worklist.html", context)
