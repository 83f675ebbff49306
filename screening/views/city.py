"""The department's overview and its CSV files. All figures are of ``statistics.report``; none names a person."""

from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from healthhub.audit.log import record_access
from records.views.guards import CITY, ActingRequest, for_roles
from screening.forms.city import OverviewForm
from screening.messages.alarms import held
from screening.overview import SORTS, figures, overview
from screening.statistics.csvfiles import to_csv
from screening.statistics.report import TABLES


@for_roles(*CITY)
@require_GET
def city(request: ActingRequest) -> HttpResponse:
    """Tiles, trend and table of one test; the filters are in the address."""
    form = OverviewForm(request.GET or {})
    asked = form.asked()
    sort = form.cleaned_data.get("sort") or "area_name"
    descending = form.cleaned_data.get("order") == "down"
    found = overview(**asked, sort=sort, descending=descending)
    record_access(actor=request.actor, action="view", patients=[None], resource_type="Statistics", reason=request.path)
    shown = {"test": asked["test"]} | {name: f"{asked[name]:%Y-%m}" for name in ("first", "last") if asked[name]}
    context = {
        "form": form if form.errors else OverviewForm(initial=asked),
        "found": found,
        "heads": [_head(name, shown, sort=sort, descending=descending) for name in SORTS],
        "csv": urlencode(shown),
        "as_of": timezone.localtime(),
        "held": held(),
    }
    return render(request, "city/overview.html", context)


@for_roles(*CITY)
@require_GET
def download(request: ActingRequest, table: str) -> HttpResponse:
    """One table of the report as CSV, by the same filters."""
    if table not in TABLES or table == "programmes":
        raise Http404
    asked = OverviewForm(request.GET or {}).asked()
    record_access(
        actor=request.actor, action="export", patients=[None], resource_type="Statistics", reason=request.path
    )
    name = f"healthhub-{asked['test']}-{table}-{timezone.localdate():%Y%m%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(to_csv(figures(**asked), table), content_type="text/csv; charset=utf-8", headers=headers)


def _head(name: str, shown: dict[str, str], *, sort: str, descending: bool) -> dict[str, str]:
    """A column's head, and the address that sorts by it: figures from the largest, names from A."""
    labels = {
        "area_name": _("Quận, huyện, phường"),
        "tested": _("Đã xét nghiệm"),
        "positive": _("Dương tính"),
        "positivity": _("Tỷ lệ dương tính"),
        "inadequate": _("Mẫu không đạt"),
        "referred": _("Đã giới thiệu"),
        "assessed": _("Đã khám"),
    }
    turned = not descending if name == sort else name != "area_name"
    return {
        "name": name,
        "label": labels[name],
        "href": "?" + urlencode(shown | {"sort": name, "order": "down" if turned else "up"}),
        "sorted": ("descending" if descending else "ascending") if name == sort else "",
    }
