"""read, vread and instance history (https://hl7.org/fhir/R4/http.html#read)."""

from django.http import HttpResponse

from fhir import reader, text
from fhir.api.http import (
    FhirRequest,
    FhirResponse,
    base_url,
    has_it_already,
    require_json,
    require_type,
    version_response,
)
from fhir.outcomes import refuse
from healthhub.accounts.actors import Actor


def read(request: FhirRequest, type: str, id: str) -> HttpResponse:
    """The current version; 304 without a body if the client has it already."""
    require_type(type)
    require_json(request)
    found = reader.read(type=type, id=id, actor=request.auth)
    if has_it_already(request, found.version):
        response = HttpResponse(status=304)
        response["ETag"] = f'W/"{found.version}"'
        return response
    return version_response(request, found.content, status=200, version=found.version, last_updated=found.last_updated)


def vread(request: FhirRequest, type: str, id: str, version: str) -> HttpResponse:
    """One version, current or not."""
    require_type(type)
    require_json(request)
    found = read_version(type, id, version, actor=request.auth)
    return version_response(request, found.content, status=200, version=found.version, last_updated=found.last_updated)


def read_version(type: str, id: str, version: str, *, actor: Actor) -> reader.Stored:
    """The version that an address names."""
    if not version.isascii() or not version.isdigit() or len(version) > 9:
        raise refuse(404, "not-found", f"Versions are numbers; {type}/{id} has no version {version!r}.")
    return reader.read_version(type=type, id=id, version=int(version), actor=actor)


def history(request: FhirRequest, type: str, id: str) -> HttpResponse:
    """Every version."""
    require_type(type)
    require_json(request)
    return FhirResponse(history_bundle(base_url(request), type, id, actor=request.auth))


def history_bundle(base: str, type: str, id: str, *, actor: Actor) -> str:
    """Every version as a Bundle, newest first; a deletion is an entry without a resource."""
    entries = []
    versions = reader.history(type=type, id=id, actor=actor)
    for found in versions:
        method, status = (
            ("DELETE", "204") if found.deleted else ("PUT", "200") if found.version > 1 else ("POST", "201")
        )
        entry = {
            "fullUrl": f"{base}/{type}/{id}",
            "request": {"method": method, "url": type if method == "POST" else f"{type}/{id}"},
            "response": {
                "status": status,
                "etag": f'W/"{found.version}"',
                "lastModified": found.last_updated.isoformat(timespec="milliseconds"),
            },
        }
        resource = "" if found.deleted else f'"resource":{found.content},'
        entries.append("{" + resource + text.serialise(entry)[1:])
    link = text.serialise([{"relation": "self", "url": f"{base}/{type}/{id}/_history"}])
    head = f'"resourceType":"Bundle","type":"history","total":{len(versions)},"link":{link}'
    return f'{{{head},"entry":[{",".join(entries)}]}}'
