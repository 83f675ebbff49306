"""batch and transaction: POST to the base (https://hl7.org/fhir/R4/http.html#transaction)."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.http import HttpRequest, HttpResponse

from fhir import reader, text, transactions
from fhir.api.http import FhirResponse, base_url, preferences, read_body, require_json
from fhir.api.search import searchset
from fhir.outcomes import Refused, operation_outcome, refuse
from healthhub.accounts.actors import Actor


def post_bundle(request: HttpRequest) -> HttpResponse:
    """Carry out the entries: a transaction as a whole, a batch each by itself."""
    require_json(request)
    bundle = text.split_bundle(read_body(request))
    resource = bundle.document.resource
    kind = resource.get("type")
    if resource.get("resourceType") != "Bundle" or kind not in ("batch", "transaction"):
        raise refuse(400, "invalid", "Post a Bundle of type batch or transaction to the base address.", "Bundle.type")
    actor: Actor = request.auth
    answers = _transaction(request, bundle, actor) if kind == "transaction" else _batch(request, bundle, actor)
    return FhirResponse(f'{{"resourceType":"Bundle","type":"{kind}-response","entry":[{",".join(answers)}]}}')


def _transaction(request: HttpRequest, bundle: text.BundleText, actor: Actor) -> list[str]:
    steps = transactions.plan(bundle.entries)
    transactions.run(steps, actor=actor)
    return [_answer(request, step, actor) for step in steps]


def _batch(request: HttpRequest, bundle: text.BundleText, actor: Actor) -> list[str]:
    answers: list[str] = []
    for position, entry in enumerate(bundle.entries):
        try:
            steps = transactions.plan([entry], first=position)
            transactions.run(steps, actor=actor)
            answers.append(_answer(request, steps[0], actor))
        except Refused as error:
            outcome = operation_outcome(error.issues)
            answers.append(text.serialise({"response": {"status": str(error.status), "outcome": outcome}}))
    return answers


def _answer(request: HttpRequest, step: transactions.Step, actor: Actor) -> str:
    if step.method == "GET":
        return _read(request, step, actor)
    if step.method == "DELETE":
        return '{"response":{"status":"204"}}'
    found = step.matched or step.saved
    status = "201" if step.saved and step.saved.created else "200"
    response: dict[str, Any] = {
        "status": status,
        "location": f"{base_url(request)}/{step.type}/{found.id}/_history/{found.version}",
        "etag": f'W/"{found.version}"',
        "lastModified": text.instant(found.last_updated),
    }
    body = "{" + f'"fullUrl":"{base_url(request)}/{step.type}/{found.id}",'
    if preferences(request).get("return") == "representation":
        body += f'"resource":{found.content},'
    return body + f'"response":{text.serialise(response)}}}'


def _read(request: HttpRequest, step: transactions.Step, actor: Actor) -> str:
    address = urlsplit(step.url)
    kind, _, name = address.path.partition("/")
    if name:
        found = reader.read(type=kind, id=name, actor=actor)
        response = {"status": "200", "etag": f'W/"{found.version}"', "lastModified": text.instant(found.last_updated)}
        return f'{{"resource":{found.content},"response":{text.serialise(response)}}}'
    body = searchset(request, kind, parse_qsl(address.query, keep_blank_values=True), actor=actor)
    return f'{{"resource":{body},"response":{{"status":"200"}}}}'
