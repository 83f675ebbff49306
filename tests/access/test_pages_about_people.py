"""Pages about a person open for whom she is cared for, consents, or by emergency; as if there were nobody otherwise."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from healthhub.accounts.actors import Actor, Role
from healthhub.audit.log import entries_about
from records.access import RecordPolicy
from records.models import Consent, Facility
from tests.access.pages import ABOUT_A_PERSON, BY_THE_PERSON_ALONE, ROLES_OF, STAFF_OF_FACILITY
from tests.access.test_pages_by_role import about
from tests.records.conftest import Write, glucose
from tests.records.test_me import sign_in

pytestmark = pytest.mark.django_db
#: By what connects the person with the facility: whether its staff opens her pages.
OPENS = {
    "wrote": True,
    "presented": True,
    "consented": True,
    "deceased": True,
    "withdrawn": False,
    "other": False,
    "nobody": False,
}


@pytest.fixture
def people(patient: Write, write: Write, clinic: Actor, stranger: Actor) -> dict[str, str]:
    """Somebody of each kind, with a record that could leak; "nobody" is not in the register."""
    found = {"nobody": "nobody-of-this-name"}
    for kind in OPENS.keys() - {"nobody"}:
        by = clinic if kind in ("wrote", "deceased") else stranger
        found[kind] = patient(f"Nguyễn Thị {kind}", by=by, gender="female", deceasedBoolean=kind == "deceased")
        write("Observation", by=by, **glucose(found[kind], valueString=f"leak-{kind}"))
    RecordPolicy().record_presented(frozenset({found["presented"]}), actor=clinic)
    now = datetime.now(UTC)
    for kind, over in (("consented", None), ("withdrawn", now)):
        Consent.objects.create(patient_id=found[kind], facility_id=clinic.facility, granted_at=now, withdrawn_at=over)
    return found


@pytest.fixture
def staff(hoa_binh: str) -> dict[Role, Client]:
    facility = Facility.objects.get(pk=hoa_binh)
    return {role: sign_in(role, facility=facility) for role in STAFF_OF_FACILITY}


@pytest.mark.parametrize("name", BY_THE_PERSON_ALONE)
def test_a_page_opens_for_whom_the_person_is_cared_for(
    name: str, people: dict[str, str], staff: dict[Role, Client]
) -> None:
    for role in STAFF_OF_FACILITY & ROLES_OF[name]:
        opened = {kind: staff[role].get(about(who, name)).status_code for kind, who in people.items()}
        # A person of the register and nobody at all get the same answer.
        assert {kind for kind, code in opened.items() if code == 200} == {kind for kind, is_ in OPENS.items() if is_}
        assert len({opened["other"], opened["withdrawn"], opened["nobody"]}) == 1
        assert opened["other"] in (403, 404)


@pytest.mark.parametrize("name", ABOUT_A_PERSON)
@pytest.mark.parametrize("kind", ["other", "withdrawn"])
def test_looking_at_and_writing_about_others_shows_and_changes_nothing(
    name: str, kind: str, people: dict[str, str], staff: dict[Role, Client], hoa_binh: str
) -> None:
    for role in STAFF_OF_FACILITY & ROLES_OF[name]:
        for send in (staff[role].get, staff[role].post):
            answer: Any = send(about(people[kind], name))
            nobody: Any = send(about(people["nobody"], name))
            assert answer.status_code == nobody.status_code
            if name != "clinic-person-emergency":  # the form for it is the same for everybody
                assert answer.status_code in (403, 404, 405)
            shown = answer.content.decode()
            assert (f"Nguyễn Thị {kind}" in shown, f"leak-{kind}" in shown) == (False, False)
    looked = entries_about(people[kind]).filter(facility=hoa_binh).exclude(action="refused")
    assert looked.count() == 0


def test_a_refused_look_is_in_the_persons_log(people: dict[str, str], staff: dict[Role, Client]) -> None:
    staff[Role.CLINICIAN].get(reverse("clinic-person", kwargs={"patient_id": people["other"]}))
    assert list(entries_about(people["other"]).values_list("action", flat=True)[:1]) == ["refused"]
