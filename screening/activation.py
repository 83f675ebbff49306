"""How a version of a protocol comes into force: proposed, run on paper, activated for a later day, or withdrawn.

Only officers who answer for the whole city do this, and each step is in the access log. A text that is faulty is never
kept; one that was not run on paper lately, word for word, for the same day and against the version in force, cannot be
activated.
"""

import contextlib
import hashlib
from datetime import date, timedelta
from typing import Final

from celery import current_app
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from screening.failsafe.scope import answers_for_city
from screening.models.protocols import DryRunState, ProtocolVersion, VersionState
from screening.paper import in_force, run_on_paper
from screening.planning import publish
from screening.protocol import Protocol, ProtocolError, protocols
from screening.protocol.check import faults_of_versions
from screening.protocol.load import Source, of_source
from screening.versions import notice_versions

NOTICED: Final = timedelta(minutes=10)  # by then every process has long noticed a version (screening.versions)
FRESH: Final = timedelta(days=14)  # a run on paper says what is true of the people of its day
STUCK: Final = timedelta(minutes=5)  # a run on paper that has not moved for so long may be started again


class ActivationRefused(Exception):
    """Why a step is not possible now; the text is a sentence for the officer, in the language of the request."""


def propose_protocol(*, text: str, actor: Actor) -> ProtocolVersion:
    """Keep a text as a draft, once. Raises ProtocolError with every fault, PermissionDenied."""
    _require_officer(actor)
    notice_versions(now=True)
    protocol = checked(text)
    same = ProtocolVersion.objects.filter(
        state=VersionState.DRAFT, programme=protocol.programme, version=protocol.version, sha256=digest(text)
    ).first()
    if same:
        return same
    with transaction.atomic():
        version = ProtocolVersion.objects.create(
            programme=protocol.programme,
            version=protocol.version,
            text=text,
            sha256=digest(text),
            valid_from=protocol.valid_from,
            created_by=actor.id,
            created_name=actor.name,
        )
        _log(actor, "propose", version)
    return version


def checked(text: str, *, valid_from: date | None = None) -> Protocol:
    """The protocol of a text that goes with all versions known so far. Raises ProtocolError with every fault."""
    protocol = of_source(Source("protocol", text, valid_from))
    drafts = ProtocolVersion.objects.filter(state=VersionState.DRAFT, programme=protocol.programme)
    faults = faults_of_versions([*protocols(), protocol])
    if drafts.filter(version=protocol.version).exclude(sha256=digest(text)).exists():
        faults.append(f"{protocol.programme} {protocol.version}: a draft has this version, with another text")
    if faults:
        raise ProtocolError("\n".join(faults))
    return protocol


def ask_dry_run(*, version_id: int, actor: Actor, on: date | None = None) -> ProtocolVersion:
    """Note that a run on paper is wanted; ``run_asked`` does it. Raises ActivationRefused, PermissionDenied."""
    _require_officer(actor)
    with transaction.atomic():
        version = _locked(version_id)
        if version.state != VersionState.DRAFT:
            raise ActivationRefused(_("Chỉ chạy thử được bản dự thảo."))
        moving = version.dry_run_state in (DryRunState.QUEUED, DryRunState.RUNNING)
        if moving and version.dry_run_at and version.dry_run_at > timezone.now() - STUCK:
            raise ActivationRefused(_("Bản này đang được chạy thử. Hãy chờ kết quả."))
        version.dry_run = {"on": (on or max(version.valid_from, earliest_day())).isoformat()}
        version.dry_run_state, version.dry_run_done, version.dry_run_at = DryRunState.QUEUED, 0, timezone.now()
        version.save()
        _log(actor, "dry-run", version)
    return version


def start_dry_run(*, version_id: int, actor: Actor, on: date | None = None) -> ProtocolVersion:
    """Ask for a run on paper and give it to the task queue. Raises ActivationRefused, PermissionDenied."""
    version = ask_dry_run(version_id=version_id, actor=actor, on=on)
    transaction.on_commit(lambda: _send(version_id))
    return version


def _send(version_id: int) -> None:
    with contextlib.suppress(OperationalError):  # the queue is out of reach: it can be asked for again
        current_app.send_task("screening.tasks.dry_run_protocol", args=[version_id])


def run_asked(*, version_id: int) -> ProtocolVersion:
    """Do the run on paper that was asked for; safe to run twice."""
    version = ProtocolVersion.objects.get(pk=version_id)
    if version.dry_run_state not in (DryRunState.QUEUED, DryRunState.RUNNING):
        return version

    def progress(percent: int) -> None:
        ProtocolVersion.objects.filter(pk=version_id).update(
            dry_run_state=DryRunState.RUNNING, dry_run_done=percent, dry_run_at=timezone.now()
        )

    progress(0)
    try:
        protocol = of_source(Source(str(version), version.text))
        found = run_on_paper(protocol, date.fromisoformat(version.dry_run["on"]), progress=progress)
    except Exception:
        ProtocolVersion.objects.filter(pk=version_id).update(dry_run_state=DryRunState.FAILED)
        raise
    version.dry_run = found.as_json() | {"sha256": version.sha256}
    version.dry_run_state, version.dry_run_done, version.dry_run_at = DryRunState.DONE, 100, timezone.now()
    version.save(update_fields=["dry_run", "dry_run_state", "dry_run_done", "dry_run_at"])
    return version


def dry_run_protocol(*, version_id: int, actor: Actor, on: date | None = None) -> ProtocolVersion:
    """Run a draft on paper now. Raises ActivationRefused, PermissionDenied."""
    ask_dry_run(version_id=version_id, actor=actor, on=on)
    return run_asked(version_id=version_id)


def activate_protocol(*, version_id: int, valid_from: date, actor: Actor) -> ProtocolVersion:
    """Put a draft in force from a later day on. Raises ActivationRefused, ProtocolError, PermissionDenied.

    Rounds that began before that day keep the version by which they began.
    """
    _require_officer(actor)
    notice_versions(now=True)
    with transaction.atomic():
        version = _locked(version_id)
        if version.state != VersionState.DRAFT:
            raise ActivationRefused(_("Chỉ ban hành được bản dự thảo."))
        if valid_from < earliest_day():
            raise ActivationRefused(
                _("Ngày có hiệu lực phải từ %(day)s trở đi.") % {"day": f"{earliest_day():%d/%m/%Y}"}
            )
        _require_dry_run(version, valid_from)
        protocol = checked(version.text, valid_from=valid_from)
        version.state, version.valid_from = VersionState.ACTIVE, valid_from
        version.decided_by, version.decided_name, version.decided_at = actor.id, actor.name, timezone.now()
        version.save()
        _log(actor, "activate", version)
        known = [*protocols(), protocol]
        publish([one for one in known if one.programme == protocol.programme], known=known)
        transaction.on_commit(lambda: notice_versions(now=True))
    return version


def withdraw_protocol(*, version_id: int, actor: Actor) -> ProtocolVersion:
    """Take back a draft, or a version that is not in force yet. Raises ActivationRefused, PermissionDenied."""
    _require_officer(actor)
    with transaction.atomic():
        version = _locked(version_id)
        if version.state == VersionState.WITHDRAWN:
            raise ActivationRefused(_("Bản này đã được rút lại."))
        was_active = version.state == VersionState.ACTIVE
        if was_active and version.valid_from < earliest_day():
            raise ActivationRefused(
                _("Bản này đã hoặc sắp có hiệu lực, kết quả được đọc theo nó. Hãy ban hành một bản mới thay thế.")
            )
        version.state = VersionState.WITHDRAWN
        version.decided_by, version.decided_name, version.decided_at = actor.id, actor.name, timezone.now()
        version.save()
        _log(actor, "withdraw", version)
        if was_active:
            taken_back = of_source(Source(str(version), version.text, version.valid_from))
            known = [one for one in protocols() if (one.programme, one.version) != (version.programme, version.version)]
            publish([taken_back], status="retired")
            publish([one for one in known if one.programme == version.programme], known=known)
        transaction.on_commit(lambda: notice_versions(now=True))
    return version


def earliest_day() -> date:
    """The first day from which a version activated now may be in force."""
    return timezone.localdate(timezone.now() + NOTICED) + timedelta(days=1)


def digest(text: str) -> str:
    """What names exactly this text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _require_dry_run(version: ProtocolVersion, valid_from: date) -> None:
    found = version.dry_run
    if version.dry_run_state != DryRunState.DONE or found.get("sha256") != digest(version.text):
        raise ActivationRefused(_("Hãy chạy thử đúng bản này trước khi ban hành."))
    if found["on"] != valid_from.isoformat():
        day = date.fromisoformat(found["on"])
        raise ActivationRefused(
            _("Bản này đã được chạy thử cho ngày %(day)s. Hãy chạy thử cho đúng ngày có hiệu lực.")
            % {"day": f"{day:%d/%m/%Y}"}
        )
    if version.dry_run_at is None or version.dry_run_at < timezone.now() - FRESH:
        raise ActivationRefused(_("Lần chạy thử đã quá 14 ngày. Dân số và kết quả đã thay đổi: hãy chạy thử lại."))
    before = in_force(version.programme, valid_from)
    if found.get("against") != (before.version if before else ""):
        raise ActivationRefused(_("Bản đang có hiệu lực đã thay đổi sau lần chạy thử. Hãy chạy thử lại."))


def _require_officer(actor: Actor) -> None:
    if not answers_for_city(actor):
        raise PermissionDenied


def _locked(version_id: int) -> ProtocolVersion:
    return ProtocolVersion.objects.select_for_update().get(pk=version_id)


def _log(actor: Actor, action: str, version: ProtocolVersion) -> None:
    record_access(
        actor=actor,
        action=action,
        patients=[None],
        resource_type="PlanDefinition",
        resource_id=f"{version.programme}@{version.version}"[:64],
        reason="protocol",
    )
