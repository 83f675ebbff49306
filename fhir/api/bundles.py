"""batch and transaction: POST to the base (https://hl7.org/fhir/R4/http.html#transaction)."""

from typing import Any
from urllib.parse import parse_qsl

from django.db import connection, transaction
from django.http import HttpResponse

from fhir import log, reader, text, transactions
from fhir.api import audit_events
from fhir.api.http import FhirRequest, FhirResponse, base_url, preferences, read_body, require_json
from fhir.api.read import history_bundle, read_version
from fhir.api.search import searchset
from fhir.outcomes import Refused, operation_outcome, refuse
from fhir.refusals import log_refusal
from healthhub.accounts.actors import Actor


def post_bundle(request: FhirRequest) -> HttpResponse:
    """Carry out the entries: a transaction as a whole, a batch each by itself."""
    require_json(request)
    bundle = text.split_bundle(read_body(request))
    resource = bundle.document.resource
    kind = resource.get("type")
    if resource.get("resourceType") != "Bundle" or kind not in ("batch", "transaction"):
        raise refuse(400, "invalid", "Post a Bundle of type batch or transaction to the base address.", "Bundle.type")
    if len(bundle.entries) != _size(resource.get("entry", [])):
        raise refuse(400, "structure", "Bundle.entry is an array of objects.", "Bundle.entry")
    actor = request.auth
    answers = _transaction(request, bundle, actor) if kind == "transaction" else _batch(request, bundle, actor)
    entries = f',"entry":[{",".join(answers)}]' if answers else ""  # FHIR has no empty arrays
    return FhirResponse(f'{{"resourceType":"Bundle","type":"{kind}-response"{entries}}}')


def _size(entries: Any) -> int:
    return len(entries) if isinstance(entries, list) else -1


def _transaction(request: FhirRequest, bundle: text.BundleText, actor: Actor) -> list[str]:
    steps = transactions.plan(bundle.entries)
    with transaction.atomic():  # a read that fails undoes the writes
        transactions.run(steps, actor=actor, base_url=base_url(request))
        answers = [_answer(request, step, actor) for step in steps]
        if any(step.method == "GET" for step in steps):
            with connection.cursor() as cursor:  # reads do not wait for the disk (see reader); these writes must
                cursor.execute("SET LOCAL synchronous_commit TO DEFAULT")
    return answers


def _batch(request: FhirRequest, bundle: text.BundleText, actor: Actor) -> list[str]:
    answers: list[str] = []
    for position, entry in enumerate(bundle.entries):
        try:
            steps = transactions.plan([entry], first=position)
            transactions.run(steps, actor=actor, base_url=base_url(request))
            answers.append(_answer(request, steps[0], actor))
        except Refused as error:
            log_refusal(error, actor=actor)
            outcome = operation_outcome(error.issues)
            answers.append(text.serialise({"response": {"status": str(error.status), "outcome": outcome}}))
    return answers


def _answer(request: FhirRequest, step: transactions.Step, actor: Actor) -> str:
    if step.method == "GET":
        try:
            return _read(request, step, actor)
        except Refused as error:
            below = [issue.below(step.expression) for issue in error.issues]
            raise Refused(error.status, below, asked=error.asked) from error
    if step.method == "DELETE":
        return '{"response":{"status":"204"}}'
    found = step.matched or step.saved
    assert found is not None
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


def _read(request: FhirRequest, step: transactions.Step, actor: Actor) -> str:
    path, _, criteria = step.url.partition("?")
    match path.split("/"):
        case [log.TYPE]:
            body = audit_events.page(request, parse_qsl(criteria, keep_blank_values=True), actor=actor)
        case [log.TYPE, name]:
            return f'{{"resource":{log.read_event(name, actor=actor)},"response":{{"status":"200"}}}}'
        case [log.TYPE, *_]:
            raise refuse(404, "not-found", f"There is no such address: {path}.", f"{step.expression}.request.url")
        case [kind]:
            body = searchset(request, kind, parse_qsl(criteria, keep_blank_values=True), actor=actor)
        case [kind, name, "_history"]:
            body = history_bundle(base_url(request), kind, name, actor=actor)
        case [kind, name]:
            return _version(reader.read(type=kind, id=name, actor=actor))
        case [kind, name, "_history", version]:
            return _version(read_version(kind, name, version, actor=actor))
        case _:
            raise refuse(404, "not-found", f"There is no such address: {path}.", f"{step.expression}.request.url")
    return f'{{"resource":{body},"response":{{"status":"200"}}}}'


def _version(found: reader.Stored) -> str:
    response = {"status": "200", "etag": f'W/"{found.version}"', "lastModified": text.instant(found.last_updated)}
    return f'{{"resource":{found.content},"response":{text.serialise(response)}}}'
