"""Files of results: upload, tell the columns, review, approve, cancel, undo; for the uploader's facility only."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from healthhub.accounts.actors import Role
from healthhub.audit.log import record_access
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.forms.files import ApproveForm, CodesForm, ColumnsForm, LeaveForm, UploadForm
from screening.imports.batches import (
    NotAllowed,
    TooLate,
    approve_batch,
    cancel_batch,
    decide_row,
    map_codes,
    map_columns,
    notice_texts,
    undo_batch,
)
from screening.imports.errors import error_lines, error_rows
from screening.imports.leaving import Leaving
from screening.imports.left import waiting_count
from screening.imports.review import label_of, load_review, may_decide
from screening.imports.template import XLSX_TYPE, column_help, csv_template, xlsx_template
from screening.imports.uploads import batches_of, send, upload
from screening.models import MOVING, BatchState, ImportBatch
from screening.views.desk import facility_of

PAGE = 20


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
        "waiting": waiting_count(facility.pk),
        "may_see_machines": request.actor.role is Role.LABORATORY,
        "batches": page[:PAGE],
        "moving_states": MOVING,
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
    """One file: how far it has got; then its rows by kind."""
    found = _own(request, batch_id)
    context: dict[str, Any] = {"batch": found, "moving": found.state in MOVING, "notices": notice_texts(found)}
    context["give_up"] = LeaveForm(scope="give-up")
    if request.headers.get("HX-Request") and found.state in MOVING:
        return render(request, "clinic/import_state.html", context)
    if found.state == BatchState.MAPPING:
        return redirect("clinic-import-columns", found.pk)
    if found.state not in (*MOVING, BatchState.FAILED):
        after = request.GET.get("after", "")
        review = load_review(
            batch=found,
            tab=request.GET.get("tab", ""),
            after=int(after) if after.isdecimal() and len(after) < 10 else 0,
            actor=request.actor,
            reason=request.path,
        )
        context |= {
            "review": review,
            "tabs": [
                {"label": label_of(kind), "href": f"?tab={kind}", "count": count, "current": kind == review.tab}
                for kind, count in review.counts.items()
                if count or kind in ("new", "matched", "error")
            ],
            "next_page": f"?tab={review.tab}&after={review.after}" if review.after else "",
            "first_page": f"?tab={review.tab}" if after else "",
            "may_decide": may_decide(found),
            "approve": ApproveForm(batch=found),
            "leave": LeaveForm(scope="leave"),
            "errors": error_rows(found).exists(),
        }
    answer = render(request, "clinic/import.html", context)
    if request.headers.get("HX-Request"):  # the work is over: the page as a whole looks different now
        answer["HX-Refresh"] = "true"
    return answer


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def columns(request: ActingRequest, batch_id: int) -> HttpResponse:
    """Say which column is what, or which code means which test; then the file is read so."""
    found = _own(request, batch_id)
    kind = CodesForm if found.codes else ColumnsForm
    form = kind(request.POST or None, batch=found)
    if request.method == "POST" and form.is_valid():
        if _do(request, lambda: _tell(form, found, request)):
            send(found)
        return redirect("clinic-import", found.pk)
    return render(request, "clinic/import_columns.html", {"batch": found, "form": form})


@for_roles(*CLINIC)
@require_POST
def decide(request: ActingRequest, batch_id: int) -> HttpResponse:
    """Whose a close row is; "" for nobody in particular, and for a row that is not left out any more."""
    found = _own(request, batch_id)
    wanted = request.POST.get("row", "")
    row = get_object_or_404(found.rows.all(), pk=int(wanted) if wanted.isdecimal() else 0)
    decision = request.POST.get("decision", "")
    _do(request, lambda: decide_row(row=row, decision=decision, actor=request.actor))
    return redirect(f"/clinic/imports/{found.pk}/?tab={row.kind}&after={max(row.row - 1, 0)}")


@for_roles(*CLINIC)
@require_POST
def approve(request: ActingRequest, batch_id: int) -> HttpResponse:
    """Store the good rows, without the kinds that are left out."""
    found = _own(request, batch_id)
    form = ApproveForm(request.POST, batch=found)
    kinds = form.cleaned_data["kinds"] if form.is_valid() else []
    leaving = _leaving(request)
    if _do(
        request,
        lambda: approve_batch(batch=found, kinds=kinds, approver=request.user, actor=request.actor, leaving=leaving),
    ):
        send(found)
    return redirect("clinic-import", found.pk)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def cancel(request: ActingRequest, batch_id: int) -> HttpResponse:
    """Stop, and say why what was read is left; a file of which nothing was read needs no reason."""
    found = _own(request, batch_id)
    form = LeaveForm(request.POST if request.method == "POST" else None, scope="give-up")
    if request.method == "POST":
        leaving = form.leaving()
        if leaving is not None or not found.rows.exists():
            _do(request, lambda: cancel_batch(batch=found, actor=request.actor, leaving=leaving))
            return redirect("clinic-import", found.pk)
    return render(request, "clinic/import_cancel.html", {"batch": found, "give_up": form})


@for_roles(*CLINIC)
@require_POST
def undo(request: ActingRequest, batch_id: int) -> HttpResponse:
    """Take back what the file has stored, and say why."""
    found = _own(request, batch_id)
    form = LeaveForm(request.POST)
    leaving = form.leaving()
    if leaving is None:
        messages.error(request, form.faults())
    elif _do(request, lambda: undo_batch(batch=found, undoer=request.user, actor=request.actor, leaving=leaving)):
        send(found)
    return redirect("clinic-import", found.pk)


@for_roles(*CLINIC)
@require_GET
def errors(request: ActingRequest, batch_id: int) -> HttpResponseBase:
    """The rows that were not taken, to be mended and sent again."""
    found = _own(request, batch_id)
    people = error_rows(found).exclude(patient="").values_list("patient", flat=True)
    if named := sorted(set(people)):
        record_access(actor=request.actor, action="export", patients=named, reason=request.path)
    headers = {"Content-Disposition": f'attachment; filename="healthhub-errors-{found.pk}.csv"'}
    return StreamingHttpResponse(error_lines(found), content_type="text/csv; charset=utf-8", headers=headers)


@for_roles(*CLINIC)
@require_GET
def template(request: ActingRequest, kind: str) -> HttpResponse:
    """An empty file with the right columns."""
    code = facility_of(request).code or ""
    if kind == "xlsx":
        return _download(xlsx_template(code), "healthhub-results.xlsx", XLSX_TYPE)
    return _download(csv_template(code), "healthhub-results.csv", "text/csv; charset=utf-8")


def _leaving(request: ActingRequest) -> Leaving | None:
    """The reason that was given, if any; the service says where one is missing."""
    return LeaveForm(request.POST).leaving()


def _tell(form: CodesForm | ColumnsForm, found: ImportBatch, request: ActingRequest) -> None:
    if isinstance(form, CodesForm):
        map_codes(batch=found, tests=form.told(), actor=request.actor)
    else:
        map_columns(batch=found, columns=form.told(), actor=request.actor)


def _own(request: ActingRequest, batch_id: int) -> ImportBatch:
    return get_object_or_404(batches_of(facility_of(request).pk), pk=batch_id)


def _do(request: ActingRequest, work: Any) -> bool:
    """Do it, or say why not."""
    try:
        work()
    except (NotAllowed, TooLate) as error:
        messages.error(request, str(error))
        return False
    return True


def _download(content: bytes, name: str, kind: str) -> HttpResponse:
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
