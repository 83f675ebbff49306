"""/metadata: what this server does, and nothing that it does not (https://hl7.org/fhir/R4/http.html#capabilities)."""

from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse

from fhir import log, text
from fhir.api.http import FhirResponse, base_url, require_json
from fhir.api.smart import endpoints
from fhir.definitions import declined_types, resource_types
from fhir.parameters import parameters_for
from fhir.search.grammar import NOT_YET

STARTED = "2026-11-23"
_INTERACTIONS = ("read", "vread", "update", "delete", "history-instance", "create", "search-type")


def metadata(request: HttpRequest) -> HttpResponse:
    """The CapabilityStatement; it names no person, so nobody needs to sign in for it."""
    require_json(request)
    return FhirResponse(text.serialise(_statement(base_url(request), tuple(endpoints(request).items()))))


@lru_cache(maxsize=8)  # by the names that this server is called by
def _statement(base: str, sign_in: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": STARTED,
        "kind": "instance",
        "software": {"name": "HealthHub"},
        "implementation": {"description": "HealthHub, personal health records and cancer screening", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "documentation": "Unknown search parameters are refused unless Prefer: handling=lenient. Not kept, "
                f"since they cannot be checked: {', '.join(sorted(declined_types()))}.",
                "security": {
                    "extension": [
                        {
                            "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
                            "extension": [{"url": name, "valueUri": address} for name, address in sign_in],
                        }
                    ],
                    "service": [
                        {
                            "coding": [
                                {
                                    "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                                    "code": "SMART-on-FHIR",
                                }
                            ]
                        }
                    ],
                    "description": "SMART App Launch 2.2; a token shows no more than whoever is behind it may see.",
                },
                "resource": [_resource(name) for name in sorted(resource_types())],
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
            }
        ],
    }


def _log() -> dict[str, Any]:
    known = parameters_for(log.TYPE)
    return {
        "type": log.TYPE,
        "documentation": "The access log itself. Auditors read all of it, each person what is about her; newest first.",
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "searchParam": [{"name": name, "type": known[name].type} for name in log.SEARCHED_BY],
    }


def _resource(name: str) -> dict[str, Any]:
    if name == log.TYPE:
        return _log()
    return {
        "type": name,
        "interaction": [{"code": code} for code in _INTERACTIONS],
        "versioning": "versioned",  # If-Match is heeded, and not demanded
        "readHistory": True,
        "updateCreate": True,
        "conditionalCreate": True,
        "conditionalRead": "not-match",
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
        "referencePolicy": ["literal", "logical", "local"],
        "searchParam": [
            {"name": parameter.code, "type": parameter.type}
            for parameter in parameters_for(name).values()
            if parameter.supported and parameter.code not in NOT_YET
        ],
    }
