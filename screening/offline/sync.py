"""Takes in what was entered without network: each entry once, through the same form and store as the pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor
from healthhub.accounts.models import User
from records.access import visible_to
from records.models import Citizen, Facility
from screening.citizen import amount, here
from screening.clinic.refusals import faults_of
from screening.forms.results import ResultForm
from screening.models import OfflineEntry, OfflineState, ScreeningResult
from screening.protocol import protocol_for
from screening.results import correct_result, enter_result, known_test

FINAL = (OfflineState.SAVED, OfflineState.HELD, OfflineState.DROPPED)
FIELDS = (
    *("specimen_id", "value", "unit", "category", "kit", "cutoff", "collected_on", "resulted_on", "note"),
    *("patient_id", "test", "decision"),
)
DROP, SAVE, CORRECT = "drop", "save", "correct"  # what the worker may decide in a conflict


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an entry: ``text`` says it to the worker, ``held`` is the result that stands in its way, and
    ``choices`` what she may decide."""

    id: str
    state: str
    text: str
    held: str = ""
    choices: list[str] = field(default_factory=list)


def take_entries(entries: Sequence[Mapping[str, Any]], *, user: User, facility: Facility, actor: Actor) -> list[Answer]:
    """Take in a batch. Each entry stands for itself: one that is refused keeps no other from being saved."""
    return [_take(entry, user=user, facility=facility, actor=actor) for entry in entries]


def _take(entry: Mapping[str, Any], *, user: User, facility: Facility, actor: Actor) -> Answer:
    try:
        id = UUID(str(entry.get("id")))
    except ValueError:
        return Answer(str(entry.get("id"))[:64], OfflineState.REFUSED, _("Mục này không có mã hợp lệ."))
    payload = {name: _text(entry.get(name)) for name in FIELDS}
    with transaction.atomic():
        row, _new = OfflineEntry.objects.select_for_update().get_or_create(
            pk=id,
            defaults={
                "user": user,
                "facility": facility.pk,
                "patient": payload["patient_id"][:64],
                "state": OfflineState.REFUSED,
                "payload": payload,
            },
        )
        if (row.user_id, row.facility) != (user.pk, facility.pk):
            return Answer(str(id), OfflineState.REFUSED, _("Mục này do người khác hoặc cơ sở khác ghi."))
        if row.state in FINAL:
            return Answer(str(id), row.state, _("Mục này đã được nhận trước đó."))
        answer, observation = _decide(str(id), payload, facility=facility, actor=actor)
        row.state, row.payload, row.observation_id = answer.state, payload, observation
        row.save()
    return answer


def _text(value: Any) -> str:
    """The text as PostgreSQL can keep it: NUL and halves of characters become the sign for what is missing."""
    return str(value or "")[:1000].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _decide(id: str, payload: Mapping[str, str], *, facility: Facility, actor: Actor) -> tuple[Answer, str]:
    """The answer, and the Observation that it is about ("" if none)."""
    if payload["decision"] == DROP:
        return Answer(id, OfflineState.DROPPED, _("Đã bỏ mục này; kết quả trong hồ sơ giữ nguyên.")), ""
    citizen = visible_to(actor).filter(pk=payload["patient_id"]).first()
    if citizen is None:
        text = _("Cơ sở không còn chăm sóc người này. Hãy tìm người đó bằng giấy tờ ở trang “Tìm người” rồi gửi lại.")
        return Answer(id, OfflineState.REFUSED, text), ""
    form = _form(payload, citizen)
    if form is None or not form.is_valid():
        return Answer(id, OfflineState.REFUSED, _faults(form)), ""
    held = _held(form, citizen, facility)
    if held and _says_the_same(held, form):
        return Answer(id, OfflineState.HELD, _("Kết quả này đã có trong hồ sơ, không ghi thêm.")), held.observation_id
    if held and not (allowed := _choices(held, form, facility)).count(payload["decision"]):
        text = _("Hồ sơ đã có một kết quả khác cho mẫu này hoặc trong ngày này. Hãy chọn giữ kết quả nào.")
        return Answer(id, OfflineState.CONFLICT, text, _written(held), [DROP, *allowed]), held.observation_id
    try:
        with transaction.atomic():
            observation = _save(
                form, citizen, facility, actor, corrects=held if payload["decision"] == CORRECT else None
            )
    except Refused as refused:
        return Answer(id, OfflineState.REFUSED, " ".join(fault.text for fault in faults_of(refused))), ""
    return Answer(id, OfflineState.SAVED, _("Đã lưu vào hồ sơ.")), observation


def _form(payload: Mapping[str, str], citizen: Citizen) -> ResultForm | None:
    """The same form as the page's; None for a test that no protocol knows."""
    try:
        _programme, test = known_test(payload["test"], timezone.localdate())
    except KeyError:
        return None
    days = {"resulted_on": payload["resulted_on"] or payload["collected_on"]}
    return ResultForm({**payload, **days}, test=test, citizen=citizen)


def _faults(form: ResultForm | None) -> str:
    if form is None:
        return _("Không có xét nghiệm này trong quy trình.")
    return " ".join(
        f"{form.fields[name].label}: {fault}" if name in form.fields else fault
        for name, faults in form.errors.items()
        for fault in map(str, faults)
    )


def _held(form: ResultForm, citizen: Citizen, facility: Facility) -> ScreeningResult | None:
    """The result of this specimen, or else one of this test and day, that is in the record already."""
    fields = form.result_fields()
    mine = ScreeningResult.objects.filter(facility=facility, test=fields["test"])
    if fields["specimen_id"] and (found := mine.filter(specimen_id=fields["specimen_id"]).first()):
        return found
    same_day = ScreeningResult.objects.filter(
        patient_id=citizen.pk, test=fields["test"], collected_on=fields["collected_on"]
    )
    return same_day.order_by("observation_id").first()


def _says_the_same(held: ScreeningResult, form: ResultForm) -> bool:
    found, fields = form.found, form.result_fields()
    assert found is not None
    return (held.patient_id, held.category, held.value, held.unit, held.collected_on) == (
        *(form.citizen.pk, found.category, found.value, found.unit or ""),
        fields["collected_on"],
    ) and fields["specimen_id"] in ("", held.specimen_id)


def _choices(held: ScreeningResult, form: ResultForm, facility: Facility) -> list[str]:
    """Correct the held one if it is this person's and ours; save beside it if it is another specimen's."""
    specimen = form.result_fields()["specimen_id"]
    own = held.patient_id == form.citizen.pk and held.facility_id == facility.pk
    apart = not (specimen and specimen == held.specimen_id and held.facility_id == facility.pk)
    return [*([CORRECT] if own else []), *([SAVE] if apart else [])]


def _written(held: ScreeningResult) -> str:
    category = protocol_for(held.programme, held.collected_on).category(held.test, held.category)
    value = f" ({amount(held.value, held.unit, held.comparator)})" if held.value is not None else ""
    label = here(category.label) if category else _("chưa đọc được")
    return f"{held.collected_on:%d/%m/%Y} · {held.specimen_id or _('không có mã mẫu')} · {label}{value}"


def _save(
    form: ResultForm, citizen: Citizen, facility: Facility, actor: Actor, *, corrects: ScreeningResult | None
) -> str:
    fields = {**form.result_fields(), "patient_id": citizen.pk}
    if corrects:
        saved = correct_result(observation_id=corrects.observation_id, facility=facility, actor=actor, **fields)
    else:
        saved = enter_result(facility=facility, actor=actor, **fields)
    return saved.id
