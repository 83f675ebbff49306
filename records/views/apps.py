"""Where a person lets an app act for her, opens one from a record, sees which ones there are, and takes it back."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from csp.decorators import csp_update
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST
from oauth2_provider.exceptions import FatalClientError, OAuthToolkitError
from oauth2_provider.http import OAuth2ResponseRedirect
from oauth2_provider.oauth2_backends import get_oauthlib_core
from oauthlib.oauth2.rfc6749 import errors

from healthhub.accounts.actors import Role
from healthhub.accounts.oauth.clients import end_authorisations
from healthhub.accounts.oauth.models import Authorisation, Client, Kind
from healthhub.accounts.oauth.tokens import checksum
from healthhub.audit.log import record_access
from records.access import can_open
from records.app_words import meaning
from records.citizens import find
from records.launching import begin_launch, end_launch, fhir_user, launch_of, may_open
from records.models import Citizen, Facility
from records.views.guards import ActingRequest, for_roles

STAFF = (Role.CLINICIAN, Role.LABORATORY)
_PASSED_ON = ("client_id", "redirect_uri", "response_type", "state", "code_challenge", "code_challenge_method", "nonce")


@dataclass(slots=True)
class Asked:
    """What an app asks for, checked as far as the app goes."""

    client: Client
    scopes: list[str]
    credentials: dict[str, Any]
    patient: str = ""
    launch: str = ""
    choices: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where the answer goes."""
        return str(self.credentials["redirect_uri"])

    def refusal(self, error: errors.OAuth2Error) -> HttpResponseBase:
        """Tell the app why it gets nothing."""
        error.state = self.credentials.get("state")
        return _back(f"{self.address}{'&' if '?' in self.address else '?'}{error.urlencoded}", self.client)

    @property
    def lasts(self) -> timedelta:
        """How long the app may act for the person."""
        return _lasts(self.scopes)


@for_roles(Role.CITIZEN, *STAFF)
@require_http_methods(["GET", "POST"])
def authorise(request: ActingRequest) -> HttpResponseBase:
    """Ask the person whether the app may have what it asks for; a code goes to the app, or a refusal."""
    try:
        scopes, credentials = get_oauthlib_core().validate_authorization_request(request)
    except FatalClientError as error:  # it may not be the app who asks, so nothing is sent to its address
        return render(request, "records/app_refused.html", {"problem": error.oauthlib_error.error}, status=400)
    except OAuthToolkitError as error:
        known = error.oauthlib_error
        separator = "&" if "?" in known.redirect_uri else "?"
        return OAuth2ResponseRedirect(f"{known.redirect_uri}{separator}{known.urlencoded}", ["http", "https"])
    client = Client.objects.select_related("application").get(application__client_id=credentials["client_id"])
    asked = Asked(client, scopes, {name: credentials[name] for name in _PASSED_ON if credentials.get(name)})
    if problem := _problem(request, asked):
        return asked.refusal(errors.InvalidRequestError(description=problem))
    if not may_open(client, request.actor):
        raise PermissionDenied
    if request.POST.get("answer") == "deny":
        return asked.refusal(errors.AccessDeniedError())
    if _needs_person(asked) and not _choose_person(request, asked):
        return _picker(request, asked)
    if request.POST.get("answer") == "allow":
        return _allow(request, asked)
    return _consent(request, asked)


def _problem(request: ActingRequest, asked: Asked) -> str:
    given = request.GET
    if asked.credentials.get("code_challenge_method") != "S256":
        return "PKCE with code_challenge_method S256 is required."
    if given.get("aud", "").rstrip("/") != request.build_absolute_uri("/fhir"):
        return "aud must be this server's FHIR address."
    if "launch" in given or "launch" in asked.scopes:
        word = given.get("launch", "")
        launch = launch_of(word, client_id=asked.credentials["client_id"], user=_user(request), actor=request.actor)
        if launch is None or "launch" not in asked.scopes:
            return "The launch is unknown or too old: open the app from the person's page again."
        asked.launch, asked.patient = word, launch.patient
    return ""


def _needs_person(asked: Asked) -> bool:
    return not asked.patient and any(one == "launch/patient" or one.startswith("patient/") for one in asked.scopes)


def _choose_person(request: ActingRequest, asked: Asked) -> bool:
    if request.actor.role is Role.CITIZEN:
        asked.patient = request.actor.patient or ""
        return True
    chosen = request.POST.get("person", "")
    if chosen and can_open(request.actor, chosen):
        asked.patient = chosen
    return bool(asked.patient)


def _picker(request: ActingRequest, asked: Asked) -> HttpResponse:
    text = request.POST.get("find", "").strip()
    found = find(text, actor=request.actor, limit=10).citizens if text else []
    context = {"app": asked.client.application.name, "text": text, "found": found, "looked": bool(text)}
    return render(request, "records/app_person.html", context)


def _consent(request: ActingRequest, asked: Asked) -> HttpResponseBase:
    own = asked.patient and asked.patient == request.actor.patient
    person = None if own or not asked.patient else Citizen.objects.filter(pk=asked.patient).first()
    if person:
        record_access(
            actor=request.actor, action="find", patients=[person.pk], resource_type="Patient", resource_id=person.pk
        )
    boxes = [(number, meaning(scope)) for number, scope in enumerate(asked.scopes)]
    context = {
        "app": asked.client.application.name,
        "answers": Facility.objects.filter(pk=asked.client.facility).values_list("name", flat=True).first() or "",
        "host": urlsplit(asked.address).netloc,
        "person": person,
        "patient": asked.patient,
        "boxes": [(number, words) for number, words in boxes if words],
        "hours": int(asked.lasts.total_seconds() // 3600) if asked.lasts < timedelta(days=1) else 0,
        "days": asked.lasts.days,
    }
    answer = render(request, "records/app_consent.html", context)
    return _leading_to([asked.address], request, answer)


def _allow(request: ActingRequest, asked: Asked) -> HttpResponseBase:
    ticked = set(request.POST.getlist("keep"))
    kept = [one for number, one in enumerate(asked.scopes) if str(number) in ticked or not meaning(one)]
    if not any(meaning(one) for one in kept):
        return asked.refusal(errors.AccessDeniedError())
    with transaction.atomic():
        uri, _headers, _body, _status = get_oauthlib_core().create_authorization_response(
            request, kept, dict(asked.credentials), allow=True
        )
        Authorisation.objects.create(
            application=asked.client.application,
            user_id=_user(request),
            membership=_membership(request),
            scope=" ".join(kept),
            patient=asked.patient,
            fhir_user=fhir_user(request.actor) if {"fhirUser", "profile"} & set(kept) else "",
            code=checksum(parse_qs(urlsplit(uri).query)["code"][0]),
            until=timezone.now() + _lasts(kept),
        )
    if asked.launch:
        end_launch(asked.launch)
    return _back(uri, asked.client)


def _lasts(scopes: list[str]) -> timedelta:
    if "offline_access" in scopes:
        return timedelta(days=90)
    return timedelta(hours=8 if "online_access" in scopes else 1)


def _back(address: str, client: Client) -> HttpResponseBase:
    return OAuth2ResponseRedirect(address, client.application.get_allowed_schemes())


def _leading_to(addresses: list[str], request: ActingRequest, answer: HttpResponse) -> HttpResponseBase:
    """A page whose forms are answered by redirects to these addresses, which the page's CSP must allow."""
    homes = sorted({f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, addresses)})
    return csp_update({"form-action": homes})(lambda _request: answer)(request)


def _user(request: ActingRequest) -> int:
    return int(request.user.pk or 0)


def _membership(request: ActingRequest) -> int:
    return next(one.id for one in request.held if one.actor == request.actor)


@for_roles(*STAFF)
def for_person(request: ActingRequest, patient_id: str) -> HttpResponseBase:
    """The apps that can be opened for a person, each with a button."""
    if not can_open(request.actor, patient_id):
        raise PermissionDenied
    person = Citizen.objects.get(pk=patient_id)
    record_access(
        actor=request.actor, action="view", patients=[patient_id], resource_type="Patient", resource_id=patient_id
    )
    apps = Client.objects.filter(kind=Kind.CLINICIAN, facility=request.actor.facility, revoked_at=None)
    apps = apps.exclude(launch_url="").select_related("application").order_by("application__name")
    answer = render(request, "records/person_apps.html", {"person": person, "apps": apps})
    return _leading_to([app.launch_url for app in apps], request, answer)


@for_roles(*STAFF)
@require_POST
def open_for_person(request: ActingRequest, patient_id: str, client_id: int) -> HttpResponse:
    """Open an app for a person: it gets our address and a word that stands for her."""
    client = Client.objects.select_related("application").filter(pk=client_id, revoked_at=None).first()
    if client is None or not client.launch_url or not may_open(client, request.actor):
        raise PermissionDenied
    if not can_open(request.actor, patient_id):
        raise PermissionDenied
    word = begin_launch(client=client, user=_user(request), patient=patient_id)
    given = urlencode({"iss": request.build_absolute_uri("/fhir"), "launch": word})
    return redirect(f"{client.launch_url}{'&' if '?' in client.launch_url else '?'}{given}")


@for_roles(Role.CITIZEN, *STAFF)
@require_http_methods(["GET", "POST"])
def mine(request: ActingRequest) -> HttpResponse:
    """The apps that I let act for me; a POST takes it back from one."""
    own = Authorisation.objects.filter(user_id=_user(request), ended_at=None, until__gt=timezone.now())
    own = own.exclude(token=None)
    if request.method == "POST":
        chosen = request.POST.get("authorisation", "")
        end_authorisations(own.filter(pk=int(chosen)).values_list("pk", flat=True) if chosen.isdecimal() else ())
        return redirect("my-apps")
    lines = [
        (one, [words for words in map(meaning, one.scope.split()) if words])
        for one in own.select_related("application").order_by("-created_at")
    ]
    return render(request, "records/my_apps.html", {"lines": lines})
