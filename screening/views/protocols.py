"""The rules of the programmes: read by the whole department, changed by its officers, and only after a run on paper."""

import tomllib
from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from healthhub.accounts.actors import Role
from records.views.guards import CITY, ActingRequest, for_roles
from screening import activation
from screening.activation import ActivationRefused
from screening.failsafe.scope import answers_for_city
from screening.forms.protocols import ActivationForm, DryRunForm, ProtocolUploadForm
from screening.models import DryRunState, ProtocolVersion, VersionState
from screening.paper import COUNTS, area_names, in_force
from screening.protocol import Protocol, ProtocolError, programmes, protocol_for, protocols
from screening.protocol.differences import Difference, differences
from screening.protocol.load import Source, source_of
from screening.protocol_page import city_numbers, page_of

MOVING = (DryRunState.QUEUED, DryRunState.RUNNING)
AREAS_SHOWN = 50
AREA_COUNTS = ("after", "enters", "leaves", "moved", "becomes_due", "no_longer_due")


@for_roles(*CITY)
@require_GET
def protocol_list(request: ActingRequest) -> HttpResponse:
    """What is in force in each programme, what will be, and what is being prepared."""
    today = timezone.localdate()
    rows = []
    for name in programmes():
        now = protocol_for(name, today)
        versions = [one for one in protocols() if one.programme == name]
        rows.append(
            {
                "now": now,
                "name": now.name[_language()],
                "coming": [one for one in versions if one.valid_from > today],
                "before": [one for one in versions if one.valid_from < now.valid_from],
                "sources": len(now.sources),
                "for_city": city_numbers(_text_of(now)),
            }
        )
    context = {
        "programmes": rows,
        "drafts": ProtocolVersion.objects.filter(state=VersionState.DRAFT).defer("text"),
        "may_change": answers_for_city(request.actor),
    }
    return render(request, "city/protocols.html", context)


@for_roles(*CITY)
@require_GET
def protocol_version(request: ActingRequest, programme: str, version: str) -> HttpResponse:
    """One version that is, was or will be in force, and how it differs from the one before it."""
    protocol = next((one for one in protocols() if (one.programme, one.version) == (programme, version)), None)
    if protocol is None:
        raise Http404
    source = _text_of(protocol)
    earlier = [one for one in protocols() if one.programme == programme and one.valid_from < protocol.valid_from]
    today = timezone.localdate()
    context = {
        "protocol": protocol,
        "page": page_of(source),
        "against": earlier[-1] if earlier else None,
        "differences": _sentences(_compared(_text_of(earlier[-1]), source)) if earlier else [],
        "standing": "coming" if protocol.valid_from > today else "now" if _is_now(protocol, today) else "past",
        "uploaded": ProtocolVersion.objects.filter(
            programme=programme, version=version, state=VersionState.ACTIVE
        ).first(),
        "may_change": answers_for_city(request.actor),
    }
    return render(request, "city/protocol_version.html", context)


@for_roles(*CITY)
@require_GET
def protocol_file(request: ActingRequest, programme: str, version: str) -> HttpResponse:
    """The file itself, to start a new version from."""
    source = source_of(programme, version)
    if source is None:
        raise Http404
    name = f'attachment; filename="{programme}-{version}.toml"'
    headers = {"Content-Disposition": name}
    return HttpResponse(source.text, content_type="application/toml; charset=utf-8", headers=headers)


@for_roles(Role.OFFICER)
@require_http_methods(["GET", "POST"])
def protocol_upload(request: ActingRequest) -> HttpResponse:
    """Upload a version: every fault is shown, and a faulty text is not kept."""
    sent = request.method == "POST"
    form = ProtocolUploadForm(request.POST, request.FILES) if sent else ProtocolUploadForm()
    faults: list[str] = []
    if sent and form.is_valid():
        try:
            kept = activation.propose_protocol(text=form.text, actor=request.actor)
        except ProtocolError as error:
            faults = [line.removeprefix("protocol: ") for line in str(error).splitlines()]
        else:
            return redirect("city-protocol-draft", kept.pk)
    context = {"form": form, "faults": faults}
    return render(request, "city/protocol_upload.html", context, status=422 if faults or form.errors else 200)


@for_roles(*CITY)
@require_GET
def protocol_draft(request: ActingRequest, version_id: int) -> HttpResponse:
    """An uploaded version: what it says, what differs, what it would change, and its way into force."""
    version = get_object_or_404(ProtocolVersion, pk=version_id)
    context = _draft_context(request, version)
    if request.headers.get("HX-Request"):
        return render(request, "city/protocol_paper.html", context)
    return render(request, "city/protocol_draft.html", context)


@for_roles(Role.OFFICER)
@require_POST
def protocol_run(request: ActingRequest, version_id: int) -> HttpResponse:
    """Start the run on paper."""
    version = get_object_or_404(ProtocolVersion, pk=version_id)
    form = DryRunForm(request.POST)
    if not form.is_valid():
        return _again(request, version, run_form=form)
    try:
        activation.start_dry_run(version_id=version.pk, actor=request.actor, on=form.cleaned_data["on"])
    except ActivationRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("city-protocol-draft", version.pk)


@for_roles(Role.OFFICER)
@require_POST
def protocol_activate(request: ActingRequest, version_id: int) -> HttpResponse:
    """Put it in force from a day on."""
    version = get_object_or_404(ProtocolVersion, pk=version_id)
    form = ActivationForm(request.POST)
    if not form.is_valid():
        return _again(request, version, activate_form=form)
    day = form.cleaned_data["valid_from"]
    try:
        activation.activate_protocol(version_id=version.pk, valid_from=day, actor=request.actor)
    except ActivationRefused as refusal:
        form.add_error("valid_from", str(refusal))
    except ProtocolError as error:
        for fault in str(error).splitlines():
            form.add_error(None, fault.removeprefix("protocol: "))
    if form.errors:
        return _again(request, version, activate_form=form)
    messages.success(request, _("Đã ban hành. Bản này có hiệu lực từ %(day)s.") % {"day": f"{day:%d/%m/%Y}"})
    return redirect("city-protocol-draft", version.pk)


@for_roles(Role.OFFICER)
@require_POST
def protocol_withdraw(request: ActingRequest, version_id: int) -> HttpResponse:
    """Take it back before it is in force."""
    version = get_object_or_404(ProtocolVersion, pk=version_id)
    try:
        activation.withdraw_protocol(version_id=version.pk, actor=request.actor)
    except ActivationRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("city-protocol-draft", version.pk)
    messages.success(request, _("Đã rút lại bản này."))
    return redirect("city-protocols")


def _again(request: ActingRequest, version: ProtocolVersion, **forms: Any) -> HttpResponse:
    context = _draft_context(request, version) | forms
    return render(request, "city/protocol_draft.html", context, status=422)


def _draft_context(request: ActingRequest, version: ProtocolVersion) -> dict[str, Any]:
    source = Source(str(version), version.text, version.valid_from)
    day = max(version.valid_from, activation.earliest_day())
    before = in_force(version.programme, day if version.state == VersionState.DRAFT else _eve(version.valid_from))
    may_change = answers_for_city(request.actor)
    moving = version.dry_run_state in MOVING
    run = version.dry_run if version.dry_run_state == DryRunState.DONE else None
    ran_for = date.fromisoformat(run["on"]) if run else day
    return {
        "version": version,
        "page": page_of(source),
        "against": before,
        "differences": _sentences(_compared(_text_of(before), source)) if before else [],
        "moving": moving,
        "paper": _paper(version, every=request.GET.get("areas") == "all") if run else None,
        "may_change": may_change,
        "may_run": may_change and version.state == VersionState.DRAFT and not moving,
        "may_activate": may_change and version.state == VersionState.DRAFT and run is not None,
        "may_withdraw": may_change
        and version.state != VersionState.WITHDRAWN
        and (version.state == VersionState.DRAFT or version.valid_from >= activation.earliest_day()),
        "run_form": DryRunForm(initial={"on": day}),
        "activate_form": ActivationForm(initial={"valid_from": max(day, ran_for)}),
        "earliest": activation.earliest_day(),
    }


def _paper(version: ProtocolVersion, *, every: bool) -> dict[str, Any]:
    """The run's result: heads with totals, and ``every`` area or those in which most people are affected."""
    found = version.dry_run
    labels = {
        "before": _("Trong chương trình, theo bản cũ"),
        "after": _("Trong chương trình, theo bản mới"),
        "enters": _("Được đưa vào"),
        "leaves": _("Không còn thuộc"),
        "moved": _("Đổi ngày đến hạn"),
        "earlier": _("Sớm hơn"),
        "later": _("Muộn hơn"),
        "becomes_due": _("Thành đến hạn"),
        "no_longer_due": _("Không còn đến hạn"),
    }
    names = area_names([row["area"] for row in found["areas"]])
    rows = [
        {
            "name": names[row["area"]][0] or _("Không rõ nơi ở"),
            "district": names[row["area"]][1],
            "figures": [{"label": labels[key], "value": row[key]} for key in AREA_COUNTS],
            "touched": row["enters"] + row["leaves"] + row["moved"],
        }
        for row in found["areas"]
    ]
    rows.sort(key=lambda row: (-row["touched"], row["district"], row["name"]))
    return {
        "on": date.fromisoformat(found["on"]),
        "against": found["against"],
        "tiles": [{"label": labels[key], "value": found["total"][key]} for key in COUNTS],
        "heads": [labels[key] for key in AREA_COUNTS],
        "rows": rows if every else rows[:AREAS_SHOWN],
        "left_off": 0 if every else max(0, len(rows) - AREAS_SHOWN),
    }


def _compared(old: Source, new: Source) -> list[Difference]:
    return differences(tomllib.loads(old.text), tomllib.loads(new.text))


def _sentences(found: list[Difference]) -> list[dict[str, str]]:
    kinds = {"added": _("Thêm"), "removed": _("Bỏ"), "changed": _("Đổi")}
    return [{"kind": one.kind, "word": kinds[one.kind], "text": one.sentence(_language())} for one in found]


def _text_of(protocol: Protocol) -> Source:
    source = source_of(protocol.programme, protocol.version)
    assert source is not None
    return source


def _is_now(protocol: Protocol, today: date) -> bool:
    return protocol_for(protocol.programme, today).version == protocol.version


def _eve(day: date) -> date:
    return day - timedelta(days=1)


def _language() -> str:
    return "en" if (get_language() or "vi").startswith("en") else "vi"
