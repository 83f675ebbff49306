"""A man's way from his positive test to the treatment, recorded by his station, which can put each step right."""

from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from fhir import store
from fhir.models import Resource
from healthhub.accounts.actors import Actor, Role
from records.models import Facility
from screening.models import Episode, ScreeningResult
from screening.results import record_assessment
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender

TODAY = timezone.localdate()
TESTED, SEEN, REPORTED, STAGED, MET = (TODAY - timedelta(days) for days in (60, 40, 35, 30, 20))


class Chain:
    """One man with a positive FIT of the station, and what its doctor records and puts right."""

    def __init__(self, station: Facility, man: str, send: Sender) -> None:
        self.station, self.man, self.doctor = station, man, signed_in(Role.CLINICIAN, station)
        self.actor = Actor("user:1", "Bác sĩ An", Role.CLINICIAN, facility=station.pk)
        self.observation = send.fit(man, "50", on=str(TESTED), issued=f"{TESTED}T08:00:00+07:00")

    def record(self, finding: str, done_on: date = SEEN, *, actor: Actor | None = None, **more: Any) -> tuple[str, str]:
        """(type, id) of what says that a step was taken."""
        result = ScreeningResult.objects.get(pk=self.observation)
        saved = record_assessment(result=result, finding=finding, done_on=done_on, actor=actor or self.actor, **more)
        return saved.type, saved.id

    def until(self, step: str) -> tuple[str, str]:
        """The last of the steps recorded before that one waits."""
        chain: list[tuple[str, dict[str, Any]]] = [
            ("histology", {"done_on": SEEN, "finding": "lesion_sampled"}),
            ("staging", {"done_on": SEEN, "reported_on": REPORTED, "finding": "cancer", "note": "Biệt hóa vừa"}),
            ("mdt", {"done_on": STAGED, "finding": "unspecified", "tnm": {"t": "cT3", "n": "N1a", "m": "M0"}}),
            ("treatment", {"done_on": MET, "finding": "treat"}),
        ]
        for then, fields in chain:
            source = self.record(**fields)
            assert Episode.objects.get().step == then
            if then == step:
                return source
        raise AssertionError(step)

    def address(self, source: tuple[str, str], what: str) -> str:
        return f"/clinic/people/{self.man}/steps/{source[0]}/{source[1]}/{what}/"

    def shown(self, source: tuple[str, str]) -> dict[str, Any]:
        """The correction form as the page fills it, as a browser would send it back."""
        form = self.doctor.get(self.address(source, "correct")).context["form"]
        filled = {name: form[name].value() for name in form.fields}
        return {
            name: f"{value:%d/%m/%Y}" if isinstance(value, date) else value
            for name, value in filled.items()
            if value is not None
        }

    def correct(self, source: tuple[str, str], **changes: Any) -> Any:
        asked = self.shown(source) | {"reason": "corrected-slip", "why": ""} | changes
        return self.doctor.post(self.address(source, "correct"), asked)

    def withdraw(self, source: tuple[str, str], **changes: Any) -> Any:
        asked = {"version": 1, "reason": "entered-not-done", "why": ""} | changes
        return self.doctor.post(self.address(source, "withdraw"), asked)

    def worklist(self) -> list[tuple[str, str]]:
        """(person, step) of what the station still has to do."""
        rows = Episode.objects.filter(holder=self.station.pk).exclude(state="closed")
        assert self.man in self.doctor.get("/clinic/?tab=open").content.decode() or not rows
        return [(row.patient_id, row.step) for row in rows]


def stored(source: tuple[str, str]) -> dict[str, Any]:
    """The resource as it is now, without what the server sets."""
    row = Resource.objects.get(type=source[0], id=source[1])
    found = store.text.parse(row.content).resource
    return {name: value for name, value in found.items() if name not in ("id", "meta")}
