"""Every text that citizens read from us, so that the department can approve it: messages, and what results mean.

A text is code (``messages/texts.toml``) or part of a protocol; what is stored is who approved which sum of it. A text
that says something else has another sum, so it is a draft again until somebody approves it anew.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from screening.approvals import approvals, sum_of
from screening.failsafe.scope import answers_for_city
from screening.messages.approval import PREFIX, parts_of
from screening.messages.texts import LANGUAGES, texts
from screening.models import MessageKind, TextApproval
from screening.protocol import Protocol, programmes, protocols

MESSAGES = "messages"


@dataclass(frozen=True, slots=True)
class Wording:
    """One text: ``parts`` are (name, language -> text), ``title`` and ``used`` say where it is shown.

    ``group`` is ``messages`` or a programme; ``key`` begins with it. ``version`` is the text's own.
    """

    group: str
    key: str
    title: str
    version: str
    used: tuple[str, ...]
    parts: tuple[tuple[str, Mapping[str, str]], ...]

    @property
    def sha256(self) -> str:
        """The sum of all that it says."""
        return sum_of(text for _name, text in self.parts)


def wordings(group: str) -> list[Wording]:
    """The texts of a group: for a programme those of all its versions, the newest that says so first, for old results
    are still explained in their own words. None for an unknown group."""
    if group == MESSAGES:
        return [_message(kind) for kind in MessageKind]
    found: dict[tuple[str, str], Wording] = {}
    for protocol in reversed([one for one in protocols() if one.programme == group]):
        for one in _of_protocol(protocol):
            found.setdefault((one.key, one.sha256), one)
    return sorted(found.values(), key=lambda one: one.key)


def groups() -> list[str]:
    """The messages, then each programme."""
    return [MESSAGES, *programmes()]


def approve(found: Collection[Wording], *, actor: Actor) -> int:
    """The actor approves these texts as they read; answers how many were drafts until now. Texts are the whole city's:
    PermissionDenied for whoever does not answer for it."""
    _require_city(actor)
    now = timezone.now()
    with transaction.atomic():
        held = approvals(one.key for one in found)
        new = [
            TextApproval(
                key=one.key, sha256=one.sha256, approved_by=actor.id, approved_name=actor.name[:200], approved_at=now
            )
            for one in found
            if (one.key, one.sha256) not in held
        ]
        TextApproval.objects.bulk_create(new, ignore_conflicts=True)
        _log(actor, "approve", new)
        return len(new)


def withdraw(found: Wording, *, actor: Actor) -> int:
    """The approval of a text is taken back, and the text a draft again; 0 if it was one. Raises PermissionDenied."""
    _require_city(actor)
    with transaction.atomic():
        held = TextApproval.objects.select_for_update().filter(
            key=found.key, sha256=found.sha256, withdrawn_at__isnull=True
        )
        taken = list(held)
        held.update(withdrawn_at=timezone.now(), withdrawn_by=actor.id, withdrawn_name=actor.name[:200])
        _log(actor, "withdraw", taken)
    return len(taken)


def may_approve(actor: Actor) -> bool:
    """Whether the actor answers for the whole city's texts; HealthHub itself does."""
    return actor.is_system or answers_for_city(actor)


def _require_city(actor: Actor) -> None:
    if not may_approve(actor):
        raise PermissionDenied


def _log(actor: Actor, action: str, texts: Iterable[TextApproval]) -> None:
    """One entry of each text, which is nobody's record."""
    for one in texts:
        record_access(
            actor=actor,
            action=action,
            patients=[None],
            resource_type="TextApproval",
            resource_id=one.key[:64],
            reason="text",
        )


def are_approved(protocol: Protocol, keys: Collection[str]) -> bool:
    """Whether what citizens read under these wordings of this version is approved. One query."""
    names = {f"{protocol.programme}.{key}" for key in keys}
    found = [one for one in _of_protocol(protocol) if one.key in names]
    held = approvals(names)
    return len(found) == len(names) and all((one.key, one.sha256) in held for one in found)


def _message(kind: MessageKind) -> Wording:
    names = (_("SMS, Zalo"), _("Tiêu đề thư"), _("Thư"))
    return Wording(
        group=MESSAGES,
        key=f"{PREFIX}{kind.value}",
        title=str(kind.label),
        version=str(texts()[kind.value, "vi"].version),
        used=(_("SMS và Zalo"), _("Thư điện tử và thư giấy")),
        parts=tuple(zip(names, parts_of(kind.value), strict=True)),
    )


def _of_protocol(protocol: Protocol) -> Iterator[Wording]:
    used = _used(protocol)
    names = {"verdict": _("Kết luận"), "meaning": _("Ý nghĩa"), "next": _("Việc tiếp theo")}
    for key, text in protocol.wording.items():
        parts = [name for name in names if any(text[language].get(name) for language in LANGUAGES)]
        title, *others = used.get(key) or [key]
        yield Wording(
            group=protocol.programme,
            key=f"{protocol.programme}.{key}",
            title=title,
            version=protocol.version,
            used=tuple(others),
            parts=tuple((names[name], {one: text[one].get(name, "") for one in LANGUAGES}) for name in parts),
        )


def _used(protocol: Protocol) -> dict[str, list[str]]:
    """Wording -> the results and moments that show it."""
    found: dict[str, list[str]] = {
        "unclassified": [_("Kết quả chưa đọc được")],
        "awaiting": [_("Mẫu đang ở phòng xét nghiệm")],
        "referred": [_("Sau khi được giới thiệu đi khám")],
        "assessed": [_("Sau khi đã khám chẩn đoán")],
        "closed": [_("Sau khi việc được khép lại")],
        "superseded": [_("Kết quả đã được xem cùng kết quả khác")],
        "now": [_("Nhiều kết quả cùng dẫn đến một việc khác")],
        "still_due": [_("Âm tính, nhưng còn việc khác phải làm")],
    }
    for test in protocol.tests.values():
        for category in test.categories.values():
            found.setdefault(category.wording, []).append(f"{test.name['vi']}: {category.label['vi']}")
        for component in test.components:
            for value in component.values.values():
                if value.wording:
                    said = f"{test.name['vi']}: {component.name['vi']} {value.label['vi']}"
                    found.setdefault(value.wording, []).append(said)
    return found
