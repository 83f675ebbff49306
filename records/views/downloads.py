"""A citizen takes a copy of her record home."""

from django.http import HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from healthhub.accounts.actors import Role
from records.rights.copies import copy_as_fhir, copy_to_print
from records.rights.pdf import print_record
from records.views.guards import ActingRequest, for_roles


@for_roles(Role.CITIZEN)
@require_http_methods(["GET", "POST"])
def download(request: ActingRequest) -> HttpResponseBase:
    """What a copy holds, and the copy itself. Asked for by POST: no link or preview takes one."""
    if request.method == "GET":
        return render(request, "records/download.html")
    chosen = request.POST.get("format")
    if chosen == "pdf":
        content = print_record(copy_to_print(actor=request.actor, reason=request.path))
        return _file(HttpResponse(content, content_type="application/pdf"), "pdf")
    if chosen == "fhir":
        parts = copy_as_fhir(actor=request.actor, reason=request.path)
        encoded = (part.encode() for part in parts)
        return _file(StreamingHttpResponse(encoded, content_type="application/fhir+json"), "json")
    return HttpResponseBadRequest()


def _file(response: HttpResponseBase, ending: str) -> HttpResponseBase:
    """A name that says nothing of whose record it is."""
    response["Content-Disposition"] = f'attachment; filename="ho-so-suc-khoe-{timezone.localdate()}.{ending}"'
    return response
