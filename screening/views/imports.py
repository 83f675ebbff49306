"""Files of results: upload, progress, what became of each row. Only the uploader's facility sees a file."""

from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.forms.files import UploadForm
from screening.imports.batches import notice_texts
from screening.imports.errors import first_errors
from screening.imports.template import XLSX_TYPE, column_help, csv_template, xlsx_template
from screening.imports.uploads import batches_of, upload
from screening.models import BatchState, ImportBatch
from screening.views.desk import facility_of

PAGE = 20
ERRORS_SHOWN = 50
MOVING = (BatchState.QUEUED, BatchState.RUNNING)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def batches(request: ActingRequest) -> HttpResponse:
    """Upload a file; the facility's files with their progress."""
    facility = facility_of(request)
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        batch = upload(file=file, filename=file.name, uploader=request.user, actor=request.actor)
        return redirect("clinic-import", batch.pk)
    found = batches_of(facility.pk)
    after = request.GET.get("after", "")
    if after.isdecimal():
        found = found.filter(pk__lt=int(after))
    page = list(found[: PAGE + 1])
    context = {
        "form": form,
        "facility": facility,
        "columns": column_help(),
        "batches": page[:PAGE],
        "moving": any(batch.state in MOVING for batch in page[:PAGE]),
        "first_page": "?" if after else "",
        "next_page": f"?after={page[PAGE - 1].pk}" if len(page) > PAGE else "",
    }
    if request.headers.get("HX-Request"):
        return render(request, "clinic/import_list.html", context)
    return render(request, "clinic/imports.html", context)


@for_roles(*CLINIC)
@require_GET
def batch(request: ActingRequest, batch_id: int) -> HttpResponse:
    """One file: how far it has got, counts by kind, notices, the first bad rows."""
    found = _own(request, batch_id)
    context = {
        "batch": found,
        "moving": found.state in MOVING,
        "notices": notice_texts(found),
        "errors": list(first_errors(found, ERRORS_SHOWN)),
        "errors_shown": ERRORS_SHOWN,
    }
    if request.headers.get("HX-Request"):
        return render(request, "clinic/import_state.html", context)
    return render(request, "clinic/import.html", context)


@for_roles(*CLINIC)
@require_GET
def errors(request: ActingRequest, batch_id: int) -> HttpResponse:
    """The bad rows, to be mended and sent again; only what is committed."""
    found = _own(request, batch_id)
    if not found.errors_file:
        raise Http404
    with (Path(settings.MEDIA_ROOT) / found.errors_file).open("rb") as file:
        content = file.read(found.errors_bytes)
    return _download(content, f"healthhub-errors-{found.pk}.csv", "text/csv; charset=utf-8")


@for_roles(*CLINIC)
@require_GET
def template(request: ActingRequest, kind: str) -> HttpResponse:
    """An empty file with the right columns."""
    code = facility_of(request).code or ""
    if kind == "xlsx":
        return _download(xlsx_template(code), "healthhub-results.xlsx", XLSX_TYPE)
    return _download(csv_template(code), "healthhub-results.csv", "text/csv; charset=utf-8")


def _own(request: ActingRequest, batch_id: int) -> ImportBatch:
    return get_object_or_404(batches_of(facility_of(request).pk), pk=batch_id)


def _download(content: bytes, name: str, kind: str) -> HttpResponse:
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
