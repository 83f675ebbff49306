"""read, vread and instance history (https://hl7.org/fhir/R4/http.html#read)."""

from django.http import HttpRequest, HttpResponse

from fhir import reader, text
from fhir.api.http import FhirResponse, base_url, require_json, require_type, version_response
from fhir.outcomes import refuse


def read(request: HttpRequest, type: str, id: str) -> HttpResponse:
    """The current version; 304 without a body if the client has it already."""
    require_type(type)
    require_json(request)
    found = reader.read(type=type, id=id, actor=request.auth)
    if request.headers.get("If-None-Match") in (f'W/"{found.version}"', f'"{found.version}"'):
        response = HttpResponse(status=304)
        response["ETag"] = f'W/"{found.version}"'
        return response
    return version_response(request, found.content, status=200, version=found.version, last_updated=found.last_updated)


def vread(request: HttpRequest, type: str, id: str, version: str) -> HttpResponse:
    """One version, current or not."""
    require_type(type)
    require_json(request)
    if not version.isascii() or not version.isdigit() or len(version) > 9:
        raise refuse(404, "not-found", f"Versions are numbers; {type}/{id} has no version {version!r}.")
    found = reader.read_version(type=type, id=id, version=int(version), actor=request.auth)
    return version_response(request, found.content, status=200, version=found.version, last_updated=found.last_updated)


def history(request: HttpRequest, type: str, id: str) -> HttpResponse:
    """Every version as a Bundle, newest first; a deletion is an entry without a resource."""
    require_type(type)
    require_json(request)
    base = base_url(request)
    entries = []
    versions = reader.history(type=type, id=id, actor=request.auth)
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
    return FhirResponse(
        f'{{"resourceType":"Bundle","type":"history","total":{len(versions)},"link":{link},"entry":[{",".join(entries)}]}}'
    )
