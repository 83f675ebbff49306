"""A rack of tubes on one page: scan or paste, see every reading, save what is good, mend the rest in place."""

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from healthhub.audit.log import record_access
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.forms.rack import SIZES, RackForm
from screening.laboratory.entry import needs_second
from screening.laboratory.rack import BAD, EMPTY, MOST, READY, SAVED, RackRow, mark_of, read_rack, save_rack, was_shown
from screening.laboratory.tabs import laboratory_tabs
from screening.views.desk import facility_of


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def rack(request: ActingRequest) -> HttpResponse:
    """GET: an empty rack. POST: its readings; saved only if exactly these readings were on the screen before."""
    facility = facility_of(request)
    form = RackForm(request.POST or None, initial={"test": request.GET.get("test") or "fit"})
    typed = _typed(request)
    rows = [RackRow(number, code, value) for number, (code, value) in enumerate(typed, 1)]
    saved, mark = 0, ""
    if request.method == "POST" and form.is_valid() and "resize" not in request.POST:
        setting = form.setting()
        rows = read_rack(typed, setting=setting, facility=facility, actor=request.actor)
        if request.POST.get("mark") and was_shown(request.POST["mark"], rows, setting):
            saved = save_rack(rows, setting=setting, facility=facility, actor=request.actor)
        mark = mark_of(rows, setting) if any(row.state == READY for row in rows) else ""
        if people := sorted({row.person.id for row in rows if row.person}):
            record_access(
                actor=request.actor, action="view", patients=people, resource_type="Specimen", reason=request.path
            )
    context: dict[str, Any] = {
        "form": form,
        "rows": rows,
        "done": [row for row in rows if row.state == SAVED],
        "left": [row for row in rows if row.state != SAVED],
        "saved": saved,
        "ready": sum(row.state == READY for row in rows),
        "bad": sum(row.state == BAD for row in rows),
        "mark": mark,
        "second": form.is_bound and form.is_valid() and needs_second(form.cleaned_data["test"]),
        "tabs": laboratory_tabs(facility.pk, "clinic-rack"),
        "empty": all(row.state == EMPTY for row in rows),
    }
    return render(request, "clinic/bench_rack.html", context)


def _typed(request: HttpRequest) -> list[tuple[str, str]]:
    """Barcode and value of each row, and of each line that was pasted; at least as many rows as were asked for."""
    numbers = sorted(int(found[1]) for name in request.POST if (found := re.fullmatch(r"barcode-(\d{1,3})", name)))
    typed = [(request.POST.get(f"barcode-{one}", ""), request.POST.get(f"value-{one}", "")) for one in numbers]
    pasted = [_split(line) for line in request.POST.get("pasted", "").splitlines() if line.strip()]
    kept = [pair for pair in typed if any(part.strip() for part in pair)] + pasted if pasted else typed
    size = request.POST.get("size") or request.GET.get("size") or ""
    wanted = int(size) if size.isdecimal() and int(size) in SIZES else SIZES[0]
    return (kept + [("", "")] * max(0, wanted - len(kept)))[:MOST]


def _split(line: str) -> tuple[str, str]:
    code, _tab, value = re.sub(r"[\t;]+", "\t", line.strip()).partition("\t")
    return code.strip(), value.strip()
