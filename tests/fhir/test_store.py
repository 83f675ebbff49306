"""The store keeps what came, keeps every version, and writes a batch in a constant number of statements."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fhir import reader, store
from fhir.models import Resource, ResourceVersion
from fhir.outcomes import Refused
from healthhub.audit.models import AccessEntry
from tests.fhir.conftest import TESTER, patient, weight

pytestmark = pytest.mark.django_db


def saved_patient() -> store.Saved:
    return store.save(patient(), actor=TESTER)


def test_a_number_is_read_back_with_every_digit_it_was_sent_with() -> None:
    person = saved_patient()
    document = store.text.parse(weight(person.reference, "61.5000"))
    saved = store.save_many([store.Draft(document)], actor=TESTER)[0]
    stored = reader.read(type="Observation", id=saved.id, actor=TESTER)
    assert '"value":61.5000,' in stored.content
    assert json.loads(stored.content)["meta"]["versionId"] == "1"


def test_a_correction_is_a_new_version_and_the_old_one_stays_readable() -> None:
    person = saved_patient()
    first = store.save(patient(id=person.id, birthDate="1965-03-03"), actor=TESTER)
    assert (first.version, first.created, first.changed) == (2, False, True)
    versions = reader.history(type="Patient", id=person.id, actor=TESTER)
    assert [json.loads(version.content)["birthDate"] for version in versions] == ["1965-03-03", "1965-03-02"]
    assert ResourceVersion.objects.get().content == person.content


def test_saving_the_same_again_makes_no_version() -> None:
    person = saved_patient()
    again = store.save(patient(id=person.id), actor=TESTER)
    assert (again.version, again.changed, again.last_updated) == (1, False, person.last_updated)
    assert ResourceVersion.objects.count() == 0


def test_a_stale_if_match_is_refused_and_changes_nothing() -> None:
    person = saved_patient()
    store.save(patient(id=person.id, gender="other"), actor=TESTER)
    with pytest.raises(Refused) as refused:
        store.save(patient(id=person.id, gender="female"), actor=TESTER, if_match=1)
    assert refused.value.status == 412
    assert json.loads(Resource.objects.get(type="Patient").content)["gender"] == "other"


def test_a_deleted_resource_is_gone_but_its_history_is_kept() -> None:
    person = saved_patient()
    store.delete(type="Patient", id=person.id, actor=TESTER)
    with pytest.raises(Refused) as refused:
        reader.read(type="Patient", id=person.id, actor=TESTER)
    assert refused.value.status == 410
    assert [version.deleted for version in reader.history(type="Patient", id=person.id, actor=TESTER)] == [True, False]
    back = store.save(patient(id=person.id), actor=TESTER)
    assert (back.version, back.created) == (3, True)


def test_every_problem_of_every_resource_is_told_and_nothing_is_saved() -> None:
    good = store.Draft.of(patient())
    bad = store.Draft.of(patient(gender="zzz", birthDate="1965-13-40"))
    bad.expression = "Bundle.entry[1].resource"
    with pytest.raises(Refused) as refused:
        store.save_many([good, bad], actor=TESTER)
    assert refused.value.status == 422
    assert sorted(issue.expression for issue in refused.value.issues) == [
        "Bundle.entry[1].resource.birthDate",
        "Bundle.entry[1].resource.gender",
    ]
    assert Resource.objects.count() == 0


def statements(drafts: list[store.Draft]) -> int:
    with CaptureQueriesContext(connection) as queries:
        store.save_many(drafts, actor=TESTER)
    return len(queries)


def test_the_number_of_statements_does_not_depend_on_the_size_of_the_batch() -> None:
    person = saved_patient()

    def batch(size: int) -> list[store.Draft]:
        texts = [weight(person.reference, f"6{number}.5") for number in range(size)]
        return [store.Draft(store.text.parse(text)) for text in texts]

    statements(batch(1))
    assert statements(batch(2)) == statements(batch(200))


def test_every_write_leaves_a_line_in_the_access_log() -> None:
    person = saved_patient()
    store.save(patient(id=person.id, gender="other"), actor=TESTER)
    store.delete(type="Patient", id=person.id, actor=TESTER)
    lines = AccessEntry.objects.filter(patient=person.id).order_by("id").values_list("action", "actor", "resource_id")
    assert list(lines) == [(action, "system:tests", person.id) for action in ("create", "update", "delete")]


def test_the_main_facts_of_an_observation_become_columns() -> None:
    person = saved_patient()
    document = store.text.parse(weight(person.reference))
    saved = store.save_many([store.Draft(document)], actor=TESTER)[0]
    row = Resource.objects.get(type="Observation", id=saved.id)
    assert (row.patient, row.code) == (person.id, "http://loinc.org|29463-7")


def test_decimals_built_in_python_keep_their_scale() -> None:
    person = saved_patient()
    body: dict[str, Any] = json.loads(weight(person.reference, "1"))
    body["valueQuantity"]["value"] = Decimal("12.500")
    assert '"value":12.500,' in store.save(body, actor=TESTER).content


def test_two_drafts_of_one_resource_in_a_batch_are_refused() -> None:
    person = saved_patient()
    with pytest.raises(Refused) as refused:
        store.save_many([store.Draft.of(patient(id=person.id))] * 2, actor=TESTER)
    assert refused.value.status == 400
