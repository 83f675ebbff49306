"""delete (https://hl7.org/fhir/R4/http.html#delete)."""

from django.http import HttpResponse

from fhir import store
from fhir.api.http import FhirRequest, etag_version, require_type


def delete(request: FhirRequest, type: str, id: str) -> HttpResponse:
    """Mark as deleted; deleting what is not there is no error, as the specification asks."""
    require_type(type)
    if_match = etag_version(request.headers.get("If-Match"), "If-Match")
    gone = store.delete(type=type, id=id, actor=request.auth, if_match=if_match)
    response = HttpResponse(status=204)
    if gone:
        response["ETag"] = f'W/"{gone.version}"'
    return response
